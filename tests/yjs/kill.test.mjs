// A relay that is killed again and again loses nothing of what it told unmodified clients of Yjs to be saved.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../e2e/lib/random.mjs";
import { Relay, freePort } from "../e2e/lib/relay.mjs";
import { count, sleep, tell, until } from "../e2e/lib/wait.mjs";
import { KINDS } from "./lib/kinds.mjs";

const KILLS = Number(process.env.SYNCLINE_KILLS ?? 20);
const SEED = Number(process.env.SYNCLINE_SEED ?? 1);
/** With `disk` the relay's folder is put back before each look, to show that the test can fail. */
const FORGE = process.env.SYNCLINE_FORGE;
/** Log entries after which the relay writes a snapshot: few, so that kills also hit snapshots. */
const COMPACT_ENTRIES = "60";

/** Writes numbers, and knows which of them the relay has called saved. */
class Writer {
  next = 0;
  saved = 0;
  #on = true;

  constructor(client) {
    this.client = client;
    this.done = this.#run();
  }

  async #run() {
    while (this.#on) {
      for (let burst = 1 + (this.next % 3); burst > 0; burst--) this.client.write(`[${this.next++}]`);
      const upto = this.next;
      while (this.#on && !this.client.saved) await sleep(1);
      if (this.client.saved) this.saved = upto;
      await sleep(1);
    }
  }

  async stop() {
    this.#on = false;
    await this.done;
  }
}

/** Starts the relay's data under an address that the writer does not know, and looks what a fresh client finds there. */
async function findOnDisk(relay, kind) {
  if (FORGE === "disk") relay.forgetLatest();
  const port = await freePort();
  await relay.start({ port });
  const reader = KINDS[kind](`ws://127.0.0.1:${port}`, "kill");
  await until("the reader to sync", () => reader.synced);
  const found = new Set(reader.value.match(/\[\d+\]/g) ?? []);
  reader.close();
  await relay.kill();
  return found;
}

for (const kind of ["y-websocket 2.1", "@hocuspocus/provider 4.8"]) {
  test(`${kind}: a relay killed ${KILLS} times loses nothing that it called saved`, { timeout: 600_000 }, async (t) => {
    const random = new Random(SEED);
    const relay = await Relay.start({ SYNCLINE_ROOM__COMPACT_ENTRIES: COMPACT_ENTRIES });
    const client = KINDS[kind](`ws://127.0.0.1:${relay.port}`, "kill", { backoff: 50 });
    const writer = new Writer(client);
    t.after(async () => {
      await writer.stop();
      client.close();
      await relay.stop();
    });
    let progress = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const before = writer.saved;
      await until("the client to be back", () => client.synced && writer.saved > before, { seconds: 20, every: 2 });
      await sleep(random.between(20, 250));
      await relay.kill();
      const saved = writer.saved;
      progress += Number(saved > before);
      const found = await findOnDisk(relay, kind);
      const lost = Array.from({ length: saved }, (_, number) => number).filter((number) => !found.has(`[${number}]`));
      assert.deepEqual(lost, [], "lost although it was called saved");
      await relay.start();
    }
    assert.ok(progress >= KILLS * 0.8, `only ${progress} of ${KILLS} lives of the relay saved anything: the test tests too little`);
    await writer.stop();
    await until("everything saved", () => client.saved);
    const fresh = KINDS[kind](`ws://127.0.0.1:${relay.port}`, "kill");
    await until("the same text", () => fresh.value === client.value);
    for (let number = 0; number < writer.next; number++) assert.equal(fresh.value.split(`[${number}]`).length, 2);
    fresh.close();
    tell(`kills ${KILLS}, changes ${count(writer.next)}, lost 0`);
  });
}
