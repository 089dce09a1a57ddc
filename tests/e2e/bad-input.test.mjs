// Whatever one client sends, it gets a clear answer, and the others do not notice.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Doc, connect } from "syncline";
import { FRAME_BYTES, MESSAGE_BYTES, attack, message, recording, send, sendRaw, upgradeRequest } from "./lib/hostile.mjs";
import { Random } from "./lib/random.mjs";
import { open } from "./lib/reader.mjs";
import { Relay } from "./lib/relay.mjs";
import { count, sleep, step, tell, until } from "./lib/wait.mjs";

const SEED = Number(process.env.SYNCLINE_SEED ?? 1);
const ROOM = "healthy";
/** Connections with random bytes, and with changed bytes of a real client. */
const GARBAGE = 150;
const MUTANTS = 250;
/** Most bytes by which the relay's memory may have grown after all attacks. */
const MEMORY_GROWTH = 160 * 1024 * 1024;
/** Longest time in milliseconds that a healthy client's change may take to be durable meanwhile. */
const SLOWEST_ACK = 5_000;
/** After these close codes a client stops for good: 4400 malformed, 4404 unknown room, 4413 too large, 4426 version, … */
const isStop = (code) => code >= 4400 && code < 4500;

let relay;
let healthy = [];
let memory;

/** A client that works all the time, and notes when anything is wrong with its connection. */
class Healthy {
  disturbances = [];
  slowest = 0;
  edits = 0;
  #stopped = false;

  static async start(name) {
    const self = new Healthy();
    self.name = name;
    Object.assign(self, await open(relay.url, ROOM));
    self.connection.on("status", ({ state }) => state !== "live" && self.disturbances.push(state));
    self.connection.on("error", (error) => self.disturbances.push(error));
    self.work = self.#edit();
    return self;
  }

  async #edit() {
    while (!this.#stopped) {
      const begin = performance.now();
      this.doc.counter("edits").increment();
      this.doc.text("log").insert(0, `${this.name} `);
      const write = this.doc.map("last").set(this.name, ++this.edits);
      await write.acked();
      this.slowest = Math.max(this.slowest, performance.now() - begin);
      await sleep(5);
    }
  }

  async stop() {
    this.#stopped = true;
    await this.work;
  }
}

before(async () => {
  relay = await Relay.start();
  healthy = [await Healthy.start("first"), await Healthy.start("second")];
  memory = relay.memory();
});

after(async () => {
  for (const client of healthy) client.close();
  await relay?.stop();
});

const replica = new Uint8Array(16).fill(7);
const hello = message.hello();

test("frames that break the protocol are answered with the close code that names the fault", { timeout: 60_000 }, async () => {
  const cases = [
    ["random bytes", [new Random(SEED).bytes(200)], 4400],
    ["an empty frame", [new Uint8Array()], 4400],
    ["a text frame", ["hello"], 4400],
    ["a message before the hello", [message.open("x", replica)], 4400],
    ["a fragment before the hello", [message.fragment(hello)], 4400],
    ["a second hello", [hello, hello], 4400],
    ["a newer protocol", [message.hello(2)], 4426],
    ["a half message", [hello.subarray(0, 9)], 4400],
    ["a message with something behind it", [Uint8Array.from([...hello, 0])], 4400],
    ["what only a relay may send", [hello, message.drain()], 4400],
    ["a live frame for a room that was not opened", [hello, message.live(1, 1, 2, 3)], 4404],
    ["a live frame that is none", [hello, message.open("broken", replica), message.live(0, 255, 255, 255)], isStop],
    ["a room without a name", [hello, message.open("", replica)], 4400],
    ["a room with too long a name", [hello, message.open("x".repeat(300), replica)], 4400],
    ["an empty fragment", [hello, message.fragment(new Uint8Array())], 4400],
    ["a message within a message", [hello, message.fragment(hello), message.ping(1)], 4400],
    ["a frame larger than allowed", [hello, new Uint8Array(FRAME_BYTES + 1)], 1009],
    ["a frame of 20 MiB", [new Uint8Array(20 * 1024 * 1024)], 1009],
  ];
  for (const [what, frames, expected] of cases) {
    const { code, reason } = await send(relay.url, frames);
    const right = typeof expected === "function" ? expected(code) : code === expected;
    assert.ok(right, `${what} was closed with ${code} (${reason})`);
    assert.notEqual(reason, "", `${what} was closed without a reason`);
  }
});

test("a message that never ends is cut off at its limit", { timeout: 60_000 }, async () => {
  const piece = message.fragment(new Uint8Array(FRAME_BYTES - 2));
  const pieces = Array.from({ length: MESSAGE_BYTES / FRAME_BYTES + 4 }, () => piece);
  const { code, reason } = await step("64 MiB of fragments", () => send(relay.url, [hello, ...pieces], 40));
  assert.equal(code, 4400, reason);
});

test("requests that are no handshake get an HTTP status that names the fault", { timeout: 30_000 }, async () => {
  const status = (protocol) => attack(relay.url, protocol).then(() => "open", (error) => error.message);
  assert.match(await status("syncline.99"), /400/);
  assert.match(await status([]), /400/);
  const plain = await fetch(relay.url.replace("ws:", "http:"));
  assert.equal(plain.status, 426);
  assert.match((await plain.json()).error, /WebSocket/);
  const page = upgradeRequest(relay.port).replace("Connection:", "Origin: https://elsewhere.example\r\nConnection:");
  assert.match(String(await sendRaw(relay.port, page.replace("Connection: Upgrade", "Connection: Upgrade, close"))), /^HTTP\/1.1 403/);
  const long = `GET /sync HTTP/1.1\r\nX-Long: ${"x".repeat(1_000_000)}\r\n\r\n`;
  assert.match(String(await sendRaw(relay.port, long)), /^HTTP\/1.1 431|^$/);
});

test("half-open connections end by themselves", { timeout: 60_000 }, async () => {
  const silent = attack(relay.url).then(({ end }) => end);
  const handshakes = [
    sendRaw(relay.port, "GET /sy", 30),
    sendRaw(relay.port, upgradeRequest(relay.port).slice(0, -2), 30),
    // A frame whose length never comes true: 5 of 100 bytes.
    sendRaw(relay.port, Buffer.concat([Buffer.from(upgradeRequest(relay.port)), Buffer.from([0x82, 0xe4, 1, 2, 3, 4, 5])]), 30),
  ];
  await step("half-open handshakes are closed", () => Promise.all(handshakes));
  const { code, reason } = await silent;
  assert.equal(code, 4508, reason);
});

test("broken WebSocket frames end their connection only", { timeout: 30_000 }, async () => {
  const head = Buffer.from(upgradeRequest(relay.port));
  const frames = { "an unknown opcode": [0x83, 0x80, 1, 2, 3, 4], "a frame without a mask": [0x82, 0x01, 0], "reserved bits": [0xf2, 0x80, 1, 2, 3, 4] };
  for (const [what, bytes] of Object.entries(frames)) {
    const answer = String(await sendRaw(relay.port, Buffer.concat([head, Buffer.from(bytes)])));
    assert.match(answer, /^HTTP\/1.1 101/, what);
  }
});

test("random bytes, and the changed frames of a real client, are refused or taken, but harm nobody", { timeout: 120_000 }, async () => {
  const random = new Random(SEED);
  const codes = new Map();
  const tally = ({ code }) => codes.set(code, (codes.get(code) ?? 0) + 1);
  await step(`${GARBAGE} connections with random bytes`, async () => {
    for (let at = 0; at < GARBAGE; at++) tally(await send(relay.url, garbage(random)));
  });
  const recorded = await record();
  await step(`${MUTANTS} connections with changed frames, made from ${recorded.length} real ones`, async () => {
    for (let at = 0; at < MUTANTS; at++) tally(await replay(recorded, random));
  });
  tell(`close codes: ${[...codes].map(([code, times]) => `${code} ${times} times`).join(", ")}`);
  for (const code of codes.keys()) assert.ok(isStop(code) || [1000, 1009, 1013].includes(code), `code ${code}`);
});

/** Frames of random bytes; half of the time behind a correct beginning. */
function garbage(random) {
  const frames = Array.from({ length: random.between(1, 5) }, () => random.bytes(random.between(0, 300)));
  const begin = random.chance(0.5) ? [hello, message.open("garbage", random.bytes(16))] : [];
  return [...begin, ...frames, "the end"];
}

/** What a real client sends while it edits a room. */
async function record() {
  const frames = [];
  const doc = new Doc();
  const connection = connect(relay.url, { room: "hostile", doc, WebSocket: recording(frames) });
  await connection.synced();
  for (let at = 0; at < 20; at++) {
    doc.map("map").set(`key ${at}`, at);
    doc.set("set").add(`element ${at}`);
    doc.text("text").insert(0, "letters ");
    await doc.counter("counter").increment().acked();
  }
  connection.close();
  doc.free();
  return frames;
}

/** Sends recorded frames, some with changed bytes, and ends with a text frame, so that the relay closes in any case. */
function replay(recorded, random) {
  const frames = recorded.map((frame) => {
    if (!random.chance(0.1) || frame.length === 0) return frame;
    const changed = frame.slice();
    for (let times = random.between(1, 3); times > 0; times--) changed[random.between(0, frame.length - 1)] ^= 1 << random.between(0, 7);
    return random.chance(0.2) ? changed.subarray(0, random.between(0, frame.length)) : changed;
  });
  return send(relay.url, [...frames, "the end"]);
}

test("the healthy clients did not notice", { timeout: 60_000 }, async () => {
  for (const client of healthy) await client.stop();
  for (const client of healthy) {
    assert.deepEqual(client.disturbances, [], client.name);
    assert.ok(client.slowest < SLOWEST_ACK, `a change of ${client.name} took ${client.slowest} ms to be durable`);
  }
  const edits = healthy.reduce((sum, client) => sum + client.edits, 0);
  const [first, second] = healthy.map(({ doc }) => doc);
  await until("one state", () => first.digest() === second.digest());
  assert.equal(first.counter("edits").value, edits);
  assert.equal(first.text("log").toString().split(" ").length, edits + 1);
  const fresh = await open(relay.url, ROOM);
  assert.equal(fresh.doc.digest(), first.digest());
  fresh.close();
  const grown = relay.memory() - memory;
  assert.ok(grown < MEMORY_GROWTH, `the relay's memory has grown by ${grown} bytes`);
  const slowest = Math.max(...healthy.map((client) => client.slowest));
  tell(`${count(edits)} edits of healthy clients meanwhile, the slowest durable after ${slowest.toFixed(0)} ms; the relay's memory grew by ${count(grown)} bytes`);
});
