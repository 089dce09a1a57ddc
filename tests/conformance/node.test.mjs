// The conformance vectors and decisions in Node, on the built npm package.
//
//   node tests/conformance/node.test.mjs                      all of them, and that a change is noticed
//   node tests/conformance/node.test.mjs --corrupt            must fail: one expected byte of a vector is changed
//   node tests/conformance/node.test.mjs --corrupt-decision   must fail: one expected answer is changed

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { flip, runDecision } from "./decision.mjs";
import { here, loadDecisions, loadLinks, loadVectors, packageFolder, wantsCorruptDecision, wantsCorruption } from "./files.mjs";
import { runLink } from "./link.mjs";
import { corrupt, runVector } from "./vector.mjs";

const syncline = await import(new URL("dist/node.js", packageFolder));
const tools = await import(new URL("dist/tools/node.js", packageFolder));
await syncline.init();
await tools.init();
const vectors = await loadVectors();
const decisions = await loadDecisions();

test("there are at least 40 vectors", () => assert.ok(vectors.length >= 40));
test("there are at least 500 decisions", () => assert.ok(decisions.length >= 500));

for (const vector of vectors) {
  test(`vector: ${vector.name}`, async () => assert.deepEqual(await runVector(syncline, vector), []));
}

for (const decision of decisions) {
  test(`decision: ${decision.name}`, () => assert.deepEqual(runDecision(tools, decision), []));
}

for (const { now, cases } of loadLinks()) {
  for (const link of cases) {
    test(`link: ${link.name}`, async () => assert.deepEqual(await runLink(syncline, link, now), []));
    test(`link, with another end: ${link.name}`, async () => {
      const other = { ...link, expect: { ...link.expect, n: link.expect.n + 1 } };
      assert.equal((await runLink(syncline, other, now)).length, 1);
    });
  }
}

if (!wantsCorruption() && !wantsCorruptDecision()) {
  test("one changed expected byte fails each vector", async () => {
    for (const vector of await loadVectors()) {
      corrupt(vector);
      assert.equal((await runVector(syncline, vector)).length, 1, vector.name);
    }
  });

  test("one changed expected answer fails each decision", async () => {
    for (const decision of await loadDecisions()) {
      flip(decision);
      assert.equal(runDecision(tools, decision).length, 1, decision.name);
    }
  });

  for (const option of ["--corrupt", "--corrupt-decision"]) {
    test(`the runner exits with failure under ${option}`, () => {
      const env = { ...process.env };
      delete env.NODE_TEST_CONTEXT;
      const run = spawnSync(process.execPath, [here("node.test.mjs"), option], { encoding: "utf8", env });
      assert.equal(run.status, 1);
      assert.match(run.stdout, /[#ℹ] fail 1\n/);
    });
  }
}
