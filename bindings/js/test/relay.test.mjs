// The package against the real relay, over real sockets.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { IDBFactory } from "fake-indexeddb";
import { Doc, SynclineError, connect, persist } from "syncline";
import { Relay, until } from "./support/relay.mjs";

const code = (expected) => (error) => error instanceof SynclineError && error.code === expected;

let relay, rooms = 0;
const open = [];

before(async () => (relay = await new Relay().start()));
after(async () => {
  for (const connection of open) connection.close();
  await relay.remove();
});

/** Joins a room with a new document. */
function join(room, options = {}) {
  const doc = options.doc ?? new Doc();
  const connection = connect(relay.url, { room, ...options, doc });
  open.push(connection);
  return { doc, connection };
}

const newRoom = () => `room ${rooms++}`;

describe("with a relay", () => {
  test("two documents see each other's changes, as changes of the link", async () => {
    const room = newRoom();
    const [ada, bob] = [join(room), join(room)];
    await Promise.all([ada.connection.synced(), bob.connection.synced()]);
    const events = [];
    bob.doc.subscribe((event) => events.push(event));
    ada.doc.map("users").set("ada", 36);
    await until(() => bob.doc.map("users").get("ada") === 36);
    assert.deepEqual(events, [{ path: ["users", "ada"], kind: "register", by: ada.doc.replica, origin: { type: "link" }, new: 36 }]);
    bob.doc.text("notes").insert(0, "hi");
    await until(() => ada.doc.text("notes").toString() === "hi");
    assert.equal(ada.doc.digest(), bob.doc.digest());
  });

  test("a conflict is told also where the value stays as it is", async () => {
    const room = newRoom();
    const [ada, bob] = [new Doc({ now: () => Date.now() - 1000 }), new Doc()];
    ada.register("price").set("earlier");
    bob.register("price").set("later");
    const [told, changes] = [[], []];
    bob.onConflict(({ path, siblings }) => {
      told.push([path, siblings.map(({ value }) => value)]);
      bob.map().set("seen", true);
    });
    bob.subscribe(["price"], (change) => changes.push(change));
    await join(room, { doc: bob }).connection.synced();
    await join(room, { doc: ada }).connection.synced();
    await until(() => ada.map().get("seen") === true);
    assert.deepEqual([told, changes], [[[["price"], ["later", "earlier"]]], []]);
  });

  test("acks come at each level, and tell the truth about unsaved changes", async () => {
    const { doc, connection } = join(newRoom());
    const write = doc.map().set("a", 1);
    await write.acked({ level: "accepted" });
    await write.acked({ level: "stored" });
    await write.acked({ level: "durable" });
    await until(() => connection.status.unsaved === 0);
    assert.equal(connection.status.state, "live");
    assert.match(connection.status.relay, /syncline/);
    const many = Array.from({ length: 200 }, (_, i) => doc.map().set(`key ${i}`, i).acked());
    await Promise.all(many);
  });

  test("what is written offline arrives afterwards, once, from both sides", async () => {
    const room = newRoom();
    const [ada, bob] = [join(room), join(room)];
    await Promise.all([ada.connection.synced(), bob.connection.synced()]);
    ada.connection.offline();
    assert.equal(ada.connection.status.state, "offline");
    for (let i = 0; i < 50; i++) {
      ada.doc.counter("n").increment();
      bob.doc.counter("n").increment();
    }
    ada.doc.map("shared").set("from ada", 1);
    bob.doc.map("shared").set("from bob", 1);
    assert.ok(ada.connection.status.unsaved > 0);
    ada.connection.online();
    await ada.connection.synced();
    await bob.connection.synced();
    await until(() => ada.doc.digest() === bob.doc.digest());
    assert.equal(ada.doc.counter("n").value, 100);
    assert.deepEqual(ada.doc.map("shared").toJSON(), { "from ada": 1, "from bob": 1 });
  });

  test("what a document held before it was connected arrives", async () => {
    const room = newRoom();
    const doc = new Doc();
    for (let i = 0; i < 3000; i++) doc.map("m").set(`key ${i}`, { i, text: "x".repeat(50) });
    await join(room, { doc }).connection.synced();
    const late = join(room);
    await late.connection.synced();
    assert.equal(late.doc.map("m").size, 3000);
    assert.equal(late.doc.digest(), doc.digest());
  });

  test("imports pass through to the others", async () => {
    const room = newRoom();
    const source = new Doc();
    source.map().set("imported", 1);
    const [ada, bob] = [join(room), join(room)];
    await Promise.all([ada.connection.synced(), bob.connection.synced()]);
    ada.doc.import(source.export());
    await until(() => bob.doc.map().get("imported") === 1);
  });

  test("presence shows who is there, what they show, and that they left", async () => {
    const room = newRoom();
    const ada = join(room, { presence: { name: "Ada" } });
    const bob = join(room, { presence: { name: "Bob" } });
    await until(() => bob.connection.presence.has(ada.doc.replica) && ada.connection.presence.has(bob.doc.replica));
    assert.deepEqual(ada.connection.presence.get(bob.doc.replica), { name: "Bob" });
    const seen = [];
    ada.connection.on("presence", (changes) => seen.push(...changes));
    bob.connection.setPresence({ name: "Bob", cursor: 5 });
    await until(() => ada.connection.presence.get(bob.doc.replica)?.cursor === 5);
    bob.connection.close();
    await until(() => !ada.connection.presence.has(bob.doc.replica));
    assert.deepEqual(seen.at(-1), { client: bob.doc.replica });
  });

  test("the relay may die: the connection comes back by itself and nothing acknowledged is lost", async () => {
    const room = newRoom();
    const ada = join(room);
    await ada.doc.map().set("before", 1).acked();
    const states = [];
    ada.connection.on("status", (status) => states.push(status.state));
    await relay.kill();
    await until(() => ada.connection.status.retryAt !== undefined);
    const waiting = ada.doc.map().set("meanwhile", 1).acked({ timeout: 15_000 });
    await relay.start();
    await waiting;
    assert.ok(states.includes("connecting"));
    const late = join(room);
    await late.connection.synced();
    assert.deepEqual(late.doc.toJSON(), { before: 1, meanwhile: 1 });
  });

  test("a stored document goes on where it was, and sends what an earlier visit could not", async () => {
    const room = newRoom();
    const indexedDB = new IDBFactory();
    const visit = async () => {
      const doc = new Doc();
      const store = await persist(doc, { name: room, indexedDB });
      return { ...join(room, { doc }), store };
    };
    const first = await visit();
    await first.connection.synced();
    first.connection.offline();
    first.doc.counter("n").increment(5);
    await first.store.flushed();
    first.doc.free();
    const other = join(room);
    other.doc.counter("n").increment(2);
    await other.connection.synced();
    const second = await visit();
    assert.equal(second.doc.counter("n").value, 5);
    await second.connection.synced();
    assert.equal(second.doc.counter("n").value, 7);
    await second.store.flushed();
    second.doc.free();
    await until(() => other.doc.counter("n").value === 7);
    const third = new Doc();
    await persist(third, { name: room, indexedDB });
    assert.equal(third.counter("n").value, 7);
  });

  test("a document can leave a room and join another one", async () => {
    const [one, two] = [newRoom(), newRoom()];
    const { doc, connection } = join(one);
    await doc.map().set("a", 1).acked();
    connection.close();
    const second = join(two, { doc });
    await second.connection.synced();
    await doc.map().set("b", 2).acked();
    const late = join(two);
    await late.connection.synced();
    assert.deepEqual(late.doc.toJSON(), { a: 1, b: 2 });
  });

  test("nobody at the address: the connection waits, and says when it tries again", async () => {
    const doc = new Doc();
    const connection = connect("ws://127.0.0.1:1", { room: "r", doc });
    open.push(connection);
    await until(() => connection.status.retryAt !== undefined);
    assert.equal(connection.status.state, "connecting");
    await assert.rejects(doc.map().set("a", 1).acked({ timeout: 20 }), code("ack-timeout"));
    doc.free();
  });
});
