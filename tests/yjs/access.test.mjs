// Rights of unmodified clients of Yjs: who only reads changes nothing, and a token's end is the end of its connection.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sleep, until } from "../e2e/lib/wait.mjs";
import { KINDS, isSync } from "./lib/kinds.mjs";
import { Secured } from "./lib/secured.mjs";

let secured;
let url;
const clients = [];

before(async () => {
  // y-websocket tells of refusals there; the tests look at what it was told.
  console.warn = () => undefined;
  secured = await Secured.start();
  url = `ws://127.0.0.1:${secured.relay.port}`;
});

after(async () => {
  for (const client of clients) client.close();
  await secured?.relay.stop();
});

function open(kind, room, options) {
  const client = KINDS[kind](url, room, options);
  clients.push(client);
  return client;
}

const isRefusal = (code) => code >= 4400 && code < 4500;

for (const kind of Object.keys(KINDS)) {
  const room = (what) => `${kind}-${what}`.replaceAll(" ", "-");
  const token = (what, options) => secured.token(room(what), options);

  test(`${kind}: who may only read sees everything and changes nothing`, { timeout: 60_000 }, async () => {
    const writer = open(kind, room("read"), { token: await token("read") });
    const reader = open(kind, room("read"), { token: await token("read", { access: "read", subject: "rea" }) });
    await until("both to sync", () => writer.synced && reader.synced);
    writer.write("to read");
    await until("the words at the reader's", () => reader.value === "to read");
    reader.awareness.setLocalStateField("name", "Rea");
    await until("the reader's presence", () => writer.others.some(([, state]) => state.name === "Rea"));
    reader.write(" not to write");
    if (isSync(kind)) await until("the refusal", () => reader.warnings.some((words) => words.includes("may read")));
    await sleep(300);
    assert.equal(writer.value, "to read");
    if (!isSync(kind)) {
      assert.equal(reader.provider.authorizedScope, "readonly");
      assert.ok(reader.provider.hasUnsyncedChanges, "a refused change is never called saved");
    } else {
      assert.ok(!reader.saved, "a refused change is never echoed");
    }
    // It still hears of what others do.
    writer.write(", more");
    await until("more at the reader's", () => reader.value.includes(", more"));
  });

  test(`${kind}: no token, a false one and one for another room get nothing`, { timeout: 60_000 }, async () => {
    const owner = open(kind, room("none"), { token: await token("none") });
    await until("the owner to sync", () => owner.synced);
    owner.write("secret");
    const good = await token("none");
    const tampered = `${good.slice(0, -4)}${good.slice(-4) === "AAAA" ? "BBBB" : "AAAA"}`;
    const others = [undefined, "nonsense", tampered, await token("other")];
    const refused = others.map((bad) => open(kind, room("none"), { token: bad }));
    await until("all told", () => refused.every((client) => client.warnings.length > 0));
    if (isSync(kind)) await until("all closed", () => refused.every((client) => client.closes.some(isRefusal)));
    // They come back, but not in a storm.
    await sleep(3000);
    for (const client of refused) {
      assert.ok(client.closes.length <= 3, `${client.closes.length} connections`);
      assert.ok(!client.synced && client.value === "");
      client.close();
    }
    clients.splice(0, clients.length, ...clients.filter((client) => !refused.includes(client)));
  });

  test(`${kind}: a token that is taken back ends its connection, and the client gets nothing more`, { timeout: 60_000 }, async () => {
    const subject = room("revoked");
    const stays = open(kind, room("revoke"), { token: await token("revoke") });
    const goes = open(kind, room("revoke"), { token: await token("revoke", { subject }) });
    await until("both to sync", () => stays.synced && goes.synced);
    goes.write("before");
    await until("the word", () => stays.value === "before");
    secured.revoke(subject);
    await until("the close", () => goes.closes.some(isRefusal), { seconds: 20 });
    goes.write(" after");
    stays.write(" secret");
    await sleep(1500);
    assert.equal(stays.value, "before secret");
    assert.equal(goes.value, "before after");
    assert.ok(!goes.synced);
    goes.close();
    clients.splice(clients.indexOf(goes), 1);
  });

  test(`${kind}: a token that expires ends its connection`, { timeout: 60_000 }, async () => {
    const goes = open(kind, room("expire"), { token: await token("expire", { expires: "3s" }) });
    await until("it to sync", () => goes.synced);
    await until("the close", () => goes.closes.some(isRefusal), { seconds: 20 });
    goes.close();
    clients.splice(clients.indexOf(goes), 1);
  });
}

test("Hocuspocus is asked for a fresh token before the end of the old one, and goes on", { timeout: 60_000 }, async () => {
  let asked = 0;
  const token = () => (asked++, secured.token("fresh", { expires: asked === 1 ? "4s" : "1h" }));
  const client = open("@hocuspocus/provider 4.8", "fresh", { token });
  await until("it to sync", () => client.synced);
  await sleep(5000);
  client.write("still here");
  await until("saved", () => client.saved);
  assert.equal(client.closes.length, 0);
  assert.ok(asked >= 2);
});
