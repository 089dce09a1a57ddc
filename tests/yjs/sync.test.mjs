// Unmodified clients of Yjs, of every kind: they sync, work offline, show who is there, and meet each other.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Relay } from "../e2e/lib/relay.mjs";
import { count, sleep, step, tell, until } from "../e2e/lib/wait.mjs";
import { KINDS, isSync } from "./lib/kinds.mjs";

const JOINERS = Number(process.env.SYNCLINE_JOINERS ?? 100);

let relay;
let url;
/** Clients of the running test. */
let clients = [];

before(async () => {
  relay = await Relay.start();
  url = `ws://127.0.0.1:${relay.port}`;
});

after(async () => {
  closeAll();
  await relay?.stop();
});

function closeAll() {
  for (const client of clients.splice(0)) client.close();
}

function open(kind, room, options) {
  const client = KINDS[kind](url, room, options);
  clients.push(client);
  return client;
}

async function synced(kind, room, options) {
  const client = open(kind, room, options);
  await until(`${kind} to sync`, () => client.synced);
  return client;
}

const equal = (what, ...some) => until(what, () => new Set(some.map((client) => client.value)).size === 1);

for (const kind of Object.keys(KINDS)) {
  const room = (what) => `${kind} ${what}/é`.replaceAll(" ", "-");

  test(`${kind}: two clients see each other's letters`, { timeout: 60_000 }, async () => {
    const [ada, ben] = [await synced(kind, room("two")), await synced(kind, room("two"))];
    ada.write("hello");
    await until("Ada's word", () => ben.value === "hello");
    ada.write(" from Ada");
    ben.write(" from Ben");
    await equal("one text", ada, ben);
    assert.equal(ada.value.length, "hello from Ada from Ben".length);
    await until("both saved", () => ada.saved && ben.saved);
    closeAll();
    assert.equal((await synced(kind, room("two"))).value.length, "hello from Ada from Ben".length);
    closeAll();
  });

  test(`${kind}: edits made offline arrive once, on both sides`, { timeout: 60_000 }, async () => {
    const [ada, ben] = [await synced(kind, room("offline")), await synced(kind, room("offline"))];
    ada.write("0");
    await equal("the beginning", ada, ben);
    ada.disconnect();
    await sleep(50);
    for (let at = 1; at < 10; at++) ada.write(`a${at}`);
    for (let at = 1; at < 10; at++) ben.write(`b${at}`);
    ben.text.delete(0, 1);
    await until("Ben saved", () => ben.saved);
    assert.ok(!ada.value.includes("b1") && !ben.value.includes("a1"));
    ada.connect();
    await equal("one text", ada, ben);
    for (let at = 1; at < 10; at++) assert.equal(ada.value.split(`a${at}`).length, 2);
    assert.ok(!ada.value.includes("0") && ada.value.length === 36);
    await until("Ada saved", () => ada.saved);
    closeAll();
  });

  test(`${kind}: presence comes, changes and goes with its client`, { timeout: 60_000 }, async () => {
    const ada = await synced(kind, room("presence"));
    ada.awareness.setLocalStateField("name", "Ada");
    const ben = await synced(kind, room("presence"));
    await until("Ada at Ben's", () => ben.others.some(([, state]) => state.name === "Ada"));
    ben.awareness.setLocalStateField("name", "Ben");
    await until("Ben at Ada's", () => ada.others.some(([, state]) => state.name === "Ben"));
    ada.awareness.setLocalStateField("cursor", 7);
    await until("Ada's cursor", () => ben.others.some(([, state]) => state.cursor === 7));
    // Without a goodbye: the socket is cut.
    ben.awareness.setLocalState = () => undefined;
    const socket = isSync(kind) ? ben.provider.ws : ben.socket.webSocket;
    if (isSync(kind)) ben.provider.shouldConnect = false;
    else ben.socket.shouldConnect = false;
    socket.terminate();
    await until("Ben gone", () => ada.others.length === 0, { seconds: 10 });
    // Who goes and comes back is seen again at once.
    const eve = await synced(kind, room("presence"));
    await until("Ada at Eve's", () => eve.others.some(([, state]) => state.cursor === 7));
    ada.disconnect();
    await until("Ada gone", () => eve.others.length === 0, { seconds: 5 });
    await ada.connect();
    await until("Ada back", () => eve.others.some(([, state]) => state.cursor === 7), { seconds: 5 });
    closeAll();
  });

  test(`${kind}: ${JOINERS} clients that join at once see one state`, { timeout: 120_000 }, async () => {
    const first = await synced(kind, room("storm"));
    for (let at = 0; at < 300; at++) first.write(`word ${at} `);
    await until("the first is saved", () => first.saved);
    await step(`${JOINERS} joins`, async () => {
      const joiners = Array.from({ length: JOINERS }, () => open(kind, room("storm")));
      await until("all synced", () => joiners.every((joiner) => joiner.synced), { seconds: 60 });
      await equal("one text", first, ...joiners);
    });
    clients.at(-1).write("the end");
    await equal("the last word everywhere", ...clients);
    assert.ok(first.value.endsWith("the end"));
    closeAll();
  });
}

test("all kinds edit one document together", { timeout: 60_000 }, async () => {
  const all = await Promise.all(Object.keys(KINDS).map((kind) => synced(kind, "together")));
  for (const [at, client] of all.entries()) client.write(`<${at}>`);
  await equal("one text", ...all);
  for (const at of all.keys()) assert.ok(all[0].value.includes(`<${at}>`));
  all[0].awareness.setLocalStateField("name", "first");
  for (const client of all.slice(1)) await until("the first there", () => client.others.some(([, state]) => state.name === "first"));
  closeAll();
});

test("rooms are apart, also from a Syncline room of the same name", { timeout: 60_000 }, async () => {
  const kind = "y-websocket 3.1";
  await relay.command("set", "apart", "--value", '"of Syncline"', "title");
  const [one, other] = [await synced(kind, "apart"), await synced(kind, "apart2")];
  assert.equal(one.value, "");
  one.write("of Yjs");
  await until("saved", () => one.saved);
  assert.deepEqual(JSON.parse(await relay.command("get", "apart")), { title: "of Syncline" });
  await sleep(200);
  assert.equal(other.value, "");
  closeAll();
});

test("one Hocuspocus socket carries several documents, and two sessions of one", { timeout: 60_000 }, async () => {
  const kind = "@hocuspocus/provider 4.8";
  const first = await synced(kind, "many-1");
  const more = await Promise.all([2, 3, 4].map((at) => synced(kind, `many-${at}`, { socket: first.socket })));
  for (const [at, client] of more.entries()) client.write(`document ${at}`);
  await until("all saved", () => more.every((client) => client.saved));
  assert.deepEqual(more.map((client) => client.value), ["document 0", "document 1", "document 2"]);
  assert.equal(first.value, "");
  const sessions = [1, 2].map(() => open(kind, "many-2", { socket: first.socket, sessionAwareness: true }));
  await until("both sessions", () => sessions.every((client) => client.value === "document 0"));
  sessions[0].write("!");
  await equal("the mark in all three", more[0], ...sessions);
  // A document that is closed gets nothing more, the others do.
  more[0].provider.detach();
  sessions[1].write("?");
  await equal("the other session goes on", ...sessions);
  assert.equal(more[0].value, "document 0!");
  closeAll();
});

test("presence of fifty clients is gathered into few frames", { timeout: 60_000 }, async () => {
  const kind = "y-websocket 3.1";
  const all = await Promise.all(Array.from({ length: 50 }, () => synced(kind, "crowd")));
  await until("all see all", () => all.every((client) => client.others.length === 49));
  await sleep(300);
  const before = all[0].frames.filter(([type]) => type === 1).length;
  for (const client of all) client.awareness.setLocalStateField("turn", 1);
  await until("all turned", () => all.every((client) => client.others.every(([, state]) => state.turn === 1)));
  await sleep(300);
  const frames = all[0].frames.filter(([type]) => type === 1).length - before;
  assert.ok(frames <= 12, `${frames} frames for 50 changes`);
  tell(`50 changes of presence came in ${count(frames)} frames`);
  closeAll();
});
