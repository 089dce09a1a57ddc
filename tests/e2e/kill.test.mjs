// A relay that is killed again and again loses nothing that it has acknowledged as durable.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "./lib/random.mjs";
import { open } from "./lib/reader.mjs";
import { Relay, freePort } from "./lib/relay.mjs";
import { count, sleep, step, tell, until } from "./lib/wait.mjs";
import { Writer, buildRustWriter, missing } from "./lib/writers.mjs";

const KILLS = Number(process.env.SYNCLINE_KILLS ?? 100);
const SEED = Number(process.env.SYNCLINE_SEED ?? 1);
/**
 * Makes the test fail, to show that it can: with `change` the checker is told of a change that nobody wrote, with `disk`
 * the relay's folder is put back, before each look, to how it was at the look before.
 */
const FORGE = process.env.SYNCLINE_FORGE;
/** Log entries after which the relay writes a snapshot: few, so that kills also hit snapshots. */
const COMPACT_ENTRIES = 150;

const ROOM = "kill";

/** What must be there: all that the logs call durable. */
function safeChanges(writers) {
  for (const writer of writers) writer.readLog();
  const safe = Object.fromEntries(writers.map((writer) => [writer.name, writer.safe]));
  if (FORGE === "change") safe.node = [...safe.node, 4_000_000];
  return safe;
}

/** Starts the relay's data under an address that no writer knows, and looks what a fresh client finds there. */
async function findOnDisk(relay) {
  if (FORGE === "disk") relay.forgetLatest();
  const port = await freePort();
  await relay.start({ port });
  const reader = await open(`ws://127.0.0.1:${port}/sync`, ROOM);
  const view = reader.doc.toJSON();
  reader.close();
  await relay.kill();
  return view;
}

/** Lets the relay live for a while among its writers, kills it, and checks what is left. */
async function killOnce(relay, writers, random) {
  await relay.start();
  for (const writer of writers) writer.child.send("online");
  await sleep(random.between(50, 400));
  await relay.kill();
  const safe = safeChanges(writers);
  assert.deepEqual(missing(await findOnDisk(relay), safe), [], "lost although acknowledged as durable");
  return Object.values(safe).reduce((sum, numbers) => sum + numbers.length, 0);
}

async function killAgainAndAgain(relay, writers) {
  const random = new Random(SEED);
  let safe = 0;
  let progress = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    const now = await killOnce(relay, writers, random);
    if (now > safe) progress++;
    safe = now;
    if (kill % 20 === 0) tell(`kill ${kill}: ${count(safe)} changes were acknowledged as durable, all are there`);
  }
  return { progress, safe };
}

/** Waits until all writers say that nothing is unsaved, and that they hold the same. */
async function converge(writers) {
  for (const writer of writers) writer.child.send("finish");
  return until("one digest everywhere", async () => {
    const states = await Promise.all(writers.map((writer) => writer.ask("state")));
    const digests = new Set(states.map(({ digest }) => digest));
    const saved = states.every(({ state, unsaved }) => state === "live" && unsaved === 0);
    return saved && digests.size === 1 ? states : undefined;
  }, { seconds: 60, every: 50 });
}

test(`a relay killed ${KILLS} times loses no durable change`, { timeout: 600_000 }, async (t) => {
  const binary = await buildRustWriter();
  const relay = await Relay.start({ SYNCLINE_ROOM__COMPACT_ENTRIES: String(COMPACT_ENTRIES) });
  await relay.kill();
  const where = [relay.url, ROOM, relay.folder];
  const writers = [Writer.node(...where), Writer.python(...where), Writer.rust(binary, ...where)];
  t.after(() => Promise.all([...writers.map((writer) => writer.child.stop("SIGKILL")), relay.stop()]));

  const { progress } = await step(`${KILLS} kills`, () => killAgainAndAgain(relay, writers), ({ safe }) => `${count(safe)} changes durable before the last`);
  assert.ok(progress >= KILLS * 0.8, `only ${progress} of ${KILLS} lives of the relay brought acknowledgements: the test tests too little`);

  await relay.start();
  for (const writer of writers) writer.child.send("online");
  const states = await step("convergence of Node, Python and Rust", () => converge(writers), ([{ digest }]) => `digest ${digest}`);

  const safe = safeChanges(writers);
  const views = await Promise.all(writers.map((writer) => writer.ask("dump")));
  const fresh = await open(relay.url, ROOM);
  assert.equal(fresh.doc.digest(), states[0].digest, "a fresh client holds something else");
  for (const view of [...views, fresh.doc.toJSON()]) {
    assert.deepEqual(missing(view, safe), []);
    for (const writer of writers) assertExact(view, writer);
  }
  fresh.close();
  const changes = states.reduce((sum, state) => sum + state.changes, 0);
  assert.equal(changes, Object.values(safe).reduce((sum, numbers) => sum + numbers.length, 0), "all changes are durable in the end");
  tell(`kills ${KILLS}, changes ${count(changes)}, lost 0`);
});

/** Everything that a writer wrote is there, and nothing twice. */
function assertExact(view, { name, written }) {
  const of = (kind) => written.filter((number) => number % 4 === kind);
  assert.deepEqual(Object.values(view.log[name]).sort((one, two) => one - two), of(0));
  assert.equal(view.members.filter((member) => member.startsWith(`${name}:`)).length, of(1).length);
  assert.equal(view.counts[name], of(2).length);
  assert.deepEqual(view.story.match(new RegExp(`\\[${name}:\\d+\\]`, "g")), of(3).map((number) => `[${name}:${number}]`));
}

test("the checker of the kill test finds what is missing", () => {
  const view = { log: { node: { 0: 0, 4: 4 } }, members: ["node:1"], counts: { node: 1 }, story: "[node:3]" };
  assert.deepEqual(missing(view, { node: [0, 1, 2, 3, 4] }), []);
  assert.deepEqual(missing(view, { node: [0, 1, 2, 3, 4, 5, 6, 7, 8] }), ["node:5", "node:7", "node:8", "node: an increment"]);
  assert.deepEqual(missing({}, { rust: [0] }), ["rust:0"]);
});
