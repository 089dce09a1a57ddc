// Unmodified clients of Yjs of every kind in Chromium: tabs and a client in Node on one document, over a kill of the relay.

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium as playwright } from "playwright-core";
import { Relay } from "../e2e/lib/relay.mjs";
import { serve } from "../e2e/lib/static.mjs";
import { chromium } from "../e2e/lib/tools.mjs";
import { until } from "../e2e/lib/wait.mjs";
import { KINDS } from "./lib/kinds.mjs";

const page = (file) => fileURLToPath(new URL(`page/${file}`, import.meta.url));

let relay;
let url;
let browser;
let server;
/** Errors that pages reported. */
const problems = [];

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), "syncline-yjs-"));
  await build({ entryPoints: [page("main.js")], bundle: true, format: "esm", outfile: join(folder, "main.js"), logLevel: "error" });
  copyFileSync(page("index.html"), join(folder, "index.html"));
  server = await serve({ "/": folder });
  relay = await Relay.start();
  url = `ws://127.0.0.1:${relay.port}`;
  browser = await playwright.launch({ executablePath: chromium(), args: ["--headless", "--no-sandbox", "--disable-gpu"] });
});

after(async () => {
  await browser?.close();
  await server?.close();
  await relay?.stop();
});

/** Opens a document in a tab. */
async function tab(kind, room) {
  const context = await browser.newContext();
  context.on("weberror", (problem) => problems.push(String(problem.error())));
  const opened = await context.newPage();
  await opened.goto(`${server.origin}/`);
  await opened.waitForFunction(() => window.openRoom !== undefined);
  await opened.evaluate((where) => window.openRoom(...where), [kind, url, room]);
  const call = (name, ...args) => opened.evaluate(([method, values]) => window.client[method](...values), [name, args]);
  await until(`${kind} in Chromium to sync`, () => call("synced"));
  return call;
}

test("every kind in a tab, and one in Node, edit a document through a kill of the relay", { timeout: 120_000 }, async () => {
  const tabs = [];
  for (const kind of Object.keys(KINDS)) tabs.push(await tab(kind, "browser"));
  const node = KINDS["y-websocket 3.1"](url, "browser");
  await until("the client in Node to sync", () => node.synced);
  const same = (length) =>
    until(`one text of ${length} letters`, async () => {
      const values = await Promise.all(tabs.map((call) => call("value")));
      return values.every((value) => value === node.value) && node.value.length === length;
    });
  for (const [at, call] of tabs.entries()) await call("write", `<${at}>`);
  node.write("<node>");
  await same(4 * 3 + 6);

  await tabs[0]("name", "Ada");
  for (const call of tabs) await until("Ada's name", async () => (await call("names")).includes("Ada"));

  await relay.kill();
  for (const [at, call] of tabs.entries()) await call("write", `(${at})`);
  node.write("(node)");
  await relay.start();
  await same(2 * (4 * 3 + 6));
  node.close();
  assert.deepEqual(problems, []);
});
