// The conformance vectors in Node, on the built npm package.
//
//   node tests/conformance/node.test.mjs             all vectors, and that a changed byte is noticed
//   node tests/conformance/node.test.mjs --corrupt   must fail: one expected byte is changed

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { here, loadVectors, packageFolder, wantsCorruption } from "./files.mjs";
import { corrupt, runVector } from "./vector.mjs";

const syncline = await import(new URL("dist/node.js", packageFolder));
await syncline.init();
const vectors = await loadVectors();

test("there are at least 40 vectors", () => assert.ok(vectors.length >= 40));

for (const vector of vectors) {
  test(`vector: ${vector.name}`, async () => assert.deepEqual(await runVector(syncline, vector), []));
}

if (!wantsCorruption()) {
  test("one changed expected byte fails each vector", async () => {
    for (const vector of await loadVectors()) {
      corrupt(vector);
      assert.equal((await runVector(syncline, vector)).length, 1, vector.name);
    }
  });

  test("the runner exits with failure on a changed byte", () => {
    const env = { ...process.env };
    delete env.NODE_TEST_CONTEXT;
    const run = spawnSync(process.execPath, [here("node.test.mjs"), "--corrupt"], { encoding: "utf8", env });
    assert.equal(run.status, 1);
    assert.match(run.stdout, /[#ℹ] fail 1\n/);
  });
}
