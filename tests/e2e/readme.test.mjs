// The snippets of the README do what they say: each runs as it stands, against a real relay.
// Those in Rust run as documentation tests of the crate in tests/.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { run } from "./lib/process.mjs";
import { Relay, temporaryFolder } from "./lib/relay.mjs";
import { PACKAGE, ROOT, python, relayBinary } from "./lib/tools.mjs";

const README = readFileSync(join(ROOT, "README.md"), "utf8");
/** The address that the README names, and that the tests replace by their own relay's. */
const ADDRESS = "127.0.0.1:7171";

let relay;
before(async () => (relay = await Relay.start()));
after(() => relay?.stop());

/** The snippets in one language, with the test's relay in the place of the default one. */
function snippets(language) {
  const found = [...README.matchAll(new RegExp("^```" + language + "\\n(.*?)^```", "gms"))].map(([, code]) => code);
  assert.ok(found.length > 0, `the README has no snippet in ${language}`);
  return found.map((code) => code.replaceAll(ADDRESS, `127.0.0.1:${relay.port}`));
}

/** A folder in which Node finds the package by its name. */
function nodeFolder() {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(dirname(PACKAGE), join(folder, "node_modules", "syncline"));
  return folder;
}

test("the JavaScript of the README runs", async () => {
  const folder = nodeFolder();
  for (const code of snippets("js")) {
    writeFileSync(join(folder, "snippet.mjs"), code);
    const output = await run(process.execPath, ["snippet.mjs"], { cwd: folder });
    assert.match(output, /tasks\/milk/, "the change was not told");
  }
});

test("the Python of the README runs and sees what the JavaScript wrote", async () => {
  for (const code of snippets("python")) {
    const output = await run(python(), ["-c", code]);
    for (const expected of ["bread", "milk", "from Python"]) assert.match(output, new RegExp(expected));
  }
});

test("the commands of the README run", async () => {
  for (const code of snippets("sh")) {
    // The relay runs already; the commands find it by its address.
    const commands = code.split("\n").filter((line) => line.trim() && !line.startsWith("syncline serve"));
    assert.ok(commands.length >= 3);
    const folder = temporaryFolder();
    const env = { PATH: `${dirname(relayBinary())}:${process.env.PATH}`, SYNCLINE_URL: relay.url };
    const output = await run("sh", ["-ec", commands.join("\n")], { cwd: folder, env });
    assert.match(output, /"done"/);
    const exported = JSON.parse(readFileSync(join(folder, "readme.json"), "utf8"));
    assert.deepEqual(Object.keys(exported.tasks).sort(), ["bread", "milk"]);
    assert.deepEqual(exported.tasks.milk, { done: true });
  }
});
