// The conformance vectors and decisions in Chromium, on the built npm package, served from the loopback address.
//
//   node tests/conformance/browser.mjs                      all of them, and that a change is noticed
//   node tests/conformance/browser.mjs --corrupt            must fail: one expected byte of a vector is changed
//   node tests/conformance/browser.mjs --corrupt-decision   must fail: one expected answer is changed
//
// CHROMIUM names the browser; /usr/bin/chromium when not set.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

import { here, loadDecisions, loadVectors, packageFolder, wantsCorruptDecision, wantsCorruption } from "./files.mjs";

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
if (process.exitCode === 0 && !wantsFailure()) {
  process.exitCode = ["--corrupt", "--corrupt-decision"].every(exitStatusIsProven) ? 0 : 1;
}

function wantsFailure() {
  return wantsCorruption() || wantsCorruptDecision();
}

async function runAll() {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(`page: ${error.message}`));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const vectors = await loadVectors();
  const decisions = await loadDecisions();
  const all = { vectors, decisions };
  const problems = await page.evaluate(runInPage, all);
  for (const { name, found } of problems) console.error(`not ok: ${name}\n  ${found.join("\n  ")}`);
  let unnoticed = [];
  if (!wantsFailure() && problems.length === 0) unnoticed = await page.evaluate(corruptInPage, all);
  for (const name of unnoticed) console.error(`not ok: a change of what is expected passes in ${name}`);
  const failed = problems.length + unnoticed.length;
  console.log(`Chromium ${browser.version()}: ${vectors.length} conformance vectors, ${decisions.length} decisions`);
  console.log(`${vectors.length + decisions.length - problems.length} passed, ${failed} failed`);
  return failed === 0;
}

/** Runs inside the page; returns what differs. */
async function runInPage({ vectors, decisions }) {
  const syncline = await import("/package/dist/index.js");
  const tools = await import("/package/dist/tools/index.js");
  const { runVector } = await import("/conformance/vector.mjs");
  const { runDecision } = await import("/conformance/decision.mjs");
  await syncline.init();
  await tools.init();
  const problems = [];
  for (const vector of vectors) {
    const found = await runVector(syncline, vector);
    if (found.length > 0) problems.push({ name: vector.name, found });
  }
  for (const decision of decisions) {
    const found = runDecision(tools, decision);
    if (found.length > 0) problems.push({ name: decision.name, found });
  }
  return problems;
}

/** Runs inside the page; returns what passes although a byte or an answer was changed. */
async function corruptInPage({ vectors, decisions }) {
  const syncline = await import("/package/dist/index.js");
  const tools = await import("/package/dist/tools/index.js");
  const { corrupt, runVector } = await import("/conformance/vector.mjs");
  const { flip, runDecision } = await import("/conformance/decision.mjs");
  const unnoticed = [];
  for (const vector of vectors) {
    corrupt(vector);
    if ((await runVector(syncline, vector)).length === 0) unnoticed.push(vector.name);
  }
  for (const decision of decisions) {
    flip(decision);
    if (runDecision(tools, decision).length === 0) unnoticed.push(decision.name);
  }
  return unnoticed;
}

/** A run in which one expectation is changed must end with exit status 1. */
function exitStatusIsProven(option) {
  const { status } = spawnSync(process.execPath, [here("browser.mjs"), option], { stdio: "ignore" });
  if (status !== 1) console.error(`not ok: a run with ${option} exits with ${status}, not 1`);
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
