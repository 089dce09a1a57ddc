// The conformance vectors in Chromium, on the built npm package, served from the loopback address.
//
//   node tests/conformance/browser.mjs             all vectors, and that a changed byte is noticed
//   node tests/conformance/browser.mjs --corrupt   must fail: one expected byte is changed
//
// CHROMIUM names the browser; /usr/bin/chromium when not set.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

import { here, loadVectors, packageFolder, wantsCorruption } from "./files.mjs";

const { chromium } = createRequire(new URL("package.json", packageFolder))("playwright-core");
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

const TYPES = { html: "text/html", mjs: "text/javascript", js: "text/javascript", wasm: "application/wasm" };

if (!existsSync(executablePath)) {
  console.error(`no browser at ${executablePath}: apt-get install -y --no-install-recommends chromium, or set CHROMIUM`);
  process.exit(2);
}
const server = await serve();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  process.exitCode = (await runAll()) ? 0 : 1;
} finally {
  await browser.close();
  server.close();
}
if (process.exitCode === 0 && !wantsCorruption()) process.exitCode = exitStatusIsProven() ? 0 : 1;

async function runAll() {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(`page: ${error.message}`));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const vectors = await loadVectors();
  const problems = await page.evaluate(runInPage, vectors);
  for (const { name, found } of problems) console.error(`not ok: ${name}\n  ${found.join("\n  ")}`);
  let unnoticed = [];
  if (!wantsCorruption() && problems.length === 0) unnoticed = await page.evaluate(corruptInPage, vectors);
  for (const name of unnoticed) console.error(`not ok: a changed byte passes in ${name}`);
  const failed = problems.length + unnoticed.length;
  console.log(`Chromium ${browser.version()}: conformance vectors`);
  console.log(`${vectors.length - problems.length} passed, ${failed} failed`);
  return failed === 0;
}

/** Runs inside the page; returns what differs. */
async function runInPage(vectors) {
  const syncline = await import("/package/dist/index.js");
  const { runVector } = await import("/conformance/vector.mjs");
  await syncline.init();
  const problems = [];
  for (const vector of vectors) {
    const found = await runVector(syncline, vector);
    if (found.length > 0) problems.push({ name: vector.name, found });
  }
  return problems;
}

/** Runs inside the page; returns the vectors that pass although a byte was changed. */
async function corruptInPage(vectors) {
  const syncline = await import("/package/dist/index.js");
  const { corrupt, runVector } = await import("/conformance/vector.mjs");
  const unnoticed = [];
  for (const vector of vectors) {
    corrupt(vector);
    if ((await runVector(syncline, vector)).length === 0) unnoticed.push(vector.name);
  }
  return unnoticed;
}

/** A run with a changed byte must end with exit status 1. */
function exitStatusIsProven() {
  const { status } = spawnSync(process.execPath, [here("browser.mjs"), "--corrupt"], { stdio: "ignore" });
  if (status !== 1) console.error(`not ok: a run with a changed byte exits with ${status}, not 1`);
  return status === 1;
}

function serve() {
  const roots = { package: packageFolder, conformance: new URL("./", import.meta.url) };
  const server = createServer((request, response) => {
    const [, root, ...rest] = new URL(request.url, "http://127.0.0.1").pathname.split("/");
    if (root === "") return void response.setHeader("content-type", TYPES.html).end("<!doctype html><title>vectors</title>");
    try {
      const file = new URL(rest.join("/"), roots[root]);
      const type = TYPES[file.pathname.split(".").at(-1)] ?? "application/octet-stream";
      response.setHeader("content-type", type).end(readFileSync(file));
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}
