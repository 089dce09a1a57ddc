// The connection against a scripted replica and a scripted socket; relay.test.mjs has the real ones.
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { connect } from "../dist/connection.js";
import { Doc } from "../dist/doc.js";
import { SynclineError } from "../dist/errors.js";
import { INPUT, OUTPUT, install } from "../dist/raw.js";

const code = (expected) => (error) => error instanceof SynclineError && error.code === expected;

/** Stands for the WASM class: remembers what goes in, and puts out what the test tells it to. */
class ScriptedReplica {
  static last;
  inputs = [];
  outputs = [];
  /** What it puts out once it is switched on. */
  script = [];
  deadline;
  #payload;

  constructor() {
    ScriptedReplica.last = this;
  }
  id = () => "0".repeat(32);
  free = () => this.inputs.push(["free"]);
  open = (...args) => this.inputs.push(["open", ...args]);
  close = () => this.inputs.push(["close"]);
  frame = (bytes) => this.inputs.push(["frame", ...bytes]);
  input = (kind, value) => {
    const name = Object.keys(INPUT).find((name) => INPUT[name] === kind);
    this.inputs.push(value === undefined ? [name] : [name, value]);
    if (name === "online" && value) this.outputs.push(...this.script.splice(0));
  };
  state = [0, 0, undefined, undefined];
  status = () => this.state;
  set_f64 = () => this.seq;
  seq = 1;
  poll() {
    const [kind, payload] = this.outputs.shift() ?? [OUTPUT.idle, this.deadline];
    this.#payload = payload;
    if (kind === OUTPUT.status) this.state = payload;
    return kind;
  }
  payload = () => this.#payload;
}

let panic;
install({ Replica: ScriptedReplica, set_error_factory() {}, set_panic_handler: (handler) => (panic = handler) }, {});

class ScriptedSocket {
  static all = [];
  sent = [];
  readyState = 0;
  bufferedAmount = 0;
  closed;

  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
    ScriptedSocket.all.push(this);
  }
  send = (bytes) => this.sent.push([...bytes]);
  close = (closeCode) => (this.closed = closeCode);
  /** What the other end does. */
  opens() {
    this.readyState = 1;
    this.onopen({});
  }
  receives = (...bytes) => this.onmessage({ data: new Uint8Array(bytes).buffer });
  closes = (closeCode) => this.onclose({ code: closeCode });
}

/** Makes a connected document whose replica wants the given outputs. */
function start(outputs = [], options = {}) {
  const doc = new Doc();
  const replica = ScriptedReplica.last;
  replica.script.push(...outputs);
  const connection = connect("ws://127.0.0.1:7171", { room: "board", doc, WebSocket: ScriptedSocket, ...options });
  return { doc, replica, connection, socket: ScriptedSocket.all.at(-1) };
}

/** Lets the replica want something, and lets the connection see it. */
function wants(replica, connection, ...outputs) {
  replica.outputs.push(...outputs);
  connection.online();
}

afterEach(() => (ScriptedSocket.all = []));

describe("a connection", () => {
  test("opens the room and then a socket, when the replica wants one", () => {
    const { replica, socket } = start([[OUTPUT.connect]], { token: "secret", presence: { name: "Ada" } });
    assert.equal(replica.inputs[0][0], "open");
    assert.equal(replica.inputs[0][1], "board");
    assert.match(replica.inputs[0][2], /^syncline-js\/\d/);
    assert.equal(replica.inputs[0][3], "secret");
    assert.deepEqual(replica.inputs.slice(1), [["presence", { name: "Ada" }], ["online", true]]);
    assert.equal(socket.url, "ws://127.0.0.1:7171/sync");
    assert.deepEqual(socket.protocols, ["syncline.1"]);
    assert.equal(socket.binaryType, "arraybuffer");
  });

  test("carries frames and closings to the replica, and its frames to the socket", () => {
    const { replica, socket } = start([[OUTPUT.connect]]);
    replica.inputs = [];
    replica.outputs.push([OUTPUT.send, new Uint8Array([1, 2])], [OUTPUT.send, new Uint8Array([3])]);
    socket.opens();
    assert.deepEqual(socket.sent, [[1, 2], [3]]);
    socket.receives(4, 5);
    socket.closes(4508);
    assert.deepEqual(replica.inputs, [["connected"], ["frame", 4, 5], ["disconnected", 4508]]);
  });

  test("takes a closing without a code for an abnormal one", () => {
    const { replica, socket } = start([[OUTPUT.connect]]);
    socket.closes(0);
    assert.deepEqual(replica.inputs.at(-1), ["disconnected", 1006]);
  });

  test("ignores text, and whatever comes from a socket that is replaced or hung up", () => {
    const { replica, connection, socket } = start([[OUTPUT.connect]]);
    socket.opens();
    socket.onmessage({ data: "text" });
    wants(replica, connection, [OUTPUT.connect]);
    assert.equal(socket.closed, 1000);
    replica.inputs = [];
    socket.receives(1);
    socket.closes(1000);
    assert.deepEqual(replica.inputs, []);
    const second = ScriptedSocket.all.at(-1);
    second.opens();
    assert.deepEqual(replica.inputs, [["connected"]]);
    wants(replica, connection, [OUTPUT.disconnect]);
    assert.equal(second.closed, 1000);
    second.closes(1000);
    assert.ok(!replica.inputs.some(([kind]) => kind === "disconnected"));
  });

  test("reports a socket that cannot even be made as a closing", async () => {
    class Refusing {
      constructor() {
        throw new Error("mixed content");
      }
    }
    const { replica } = start([[OUTPUT.connect]], { WebSocket: Refusing });
    assert.ok(!replica.inputs.some(([kind]) => kind === "disconnected"));
    await Promise.resolve();
    assert.deepEqual(replica.inputs.at(-1), ["disconnected", 1006]);
  });

  test("wakes the replica at its deadline", async () => {
    const { doc, replica, connection } = start();
    replica.deadline = Date.now() + 10;
    connection.online();
    await new Promise((resolve) => setTimeout(resolve, 40));
    assert.ok(replica.inputs.some(([kind]) => kind === "tick"));
    doc.free();
  });

  test("sends writes soon, all of one run together", async () => {
    const { doc, replica, connection } = start();
    let polls = 0;
    const poll = replica.poll.bind(replica);
    replica.poll = () => (polls++, poll());
    for (let i = 0; i < 100; i++) doc.map().set("a", i);
    assert.equal(polls, 0);
    await Promise.resolve();
    assert.equal(polls, 1);
    connection.close();
  });
});

describe("a slow network", () => {
  test("is not given more until the socket has sent most of what it has", async () => {
    const { doc, replica, connection, socket } = start([[OUTPUT.connect]]);
    socket.opens();
    socket.bufferedAmount = 5_000_000;
    replica.outputs.push([OUTPUT.send, new Uint8Array([1])]);
    doc.map().set("a", 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(socket.sent, []);
    socket.bufferedAmount = 0;
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(socket.sent, [[1]]);
    connection.close();
  });
});

describe("what a connection tells", () => {
  test("its status, to those who ask and those who listen", () => {
    const { replica, connection } = start();
    const seen = [];
    const off = connection.on("status", (status) => seen.push(status));
    assert.deepEqual(connection.status, { state: "offline", unsaved: 0 });
    wants(replica, connection, [OUTPUT.status, [1, 2, 1234, undefined]], [OUTPUT.status, [3, 0, undefined, "relay-1"]]);
    assert.deepEqual(seen, [{ state: "connecting", unsaved: 2, retryAt: 1234 }, { state: "live", unsaved: 0, relay: "relay-1" }]);
    assert.deepEqual(connection.status, seen[1]);
    off();
    wants(replica, connection, [OUTPUT.status, [0, 0, undefined, undefined]]);
    assert.equal(seen.length, 2);
  });

  test("who is there", () => {
    const { replica, connection } = start();
    const seen = [];
    connection.on("presence", (changes) => seen.push(changes));
    const [ada, bob] = ["a".repeat(32), "b".repeat(32)];
    wants(replica, connection, [OUTPUT.presence, [ada, { name: "Ada" }, bob, null]]);
    assert.deepEqual([...connection.presence], [[ada, { name: "Ada" }], [bob, null]]);
    wants(replica, connection, [OUTPUT.presence, [ada, undefined]]);
    assert.deepEqual([...connection.presence.keys()], [bob]);
    assert.deepEqual(seen, [[{ client: ada, state: { name: "Ada" } }, { client: bob, state: null }], [{ client: ada }]]);
  });

  test("what the relay reports", () => {
    const { replica, connection } = start();
    const seen = [];
    connection.on("error", (error) => seen.push(error));
    wants(replica, connection, [OUTPUT.error, ["too-large", "split it", false]]);
    assert.ok(seen[0] instanceof SynclineError);
    assert.deepEqual([seen[0].code, seen[0].message, seen[0].temporary], ["too-large", "split it", false]);
  });

  test("nothing to those who ask for an unknown event", () => {
    const { connection } = start();
    assert.throws(() => connection.on("weather", () => undefined), code("invalid-option"));
  });
});

describe("acknowledgements", () => {
  test("resolve at their level or a stronger one", async () => {
    const { doc, replica, connection } = start();
    const seen = [];
    connection.on("ack", (ack) => seen.push(ack));
    const done = [];
    const write = doc.map().set("a", 1);
    for (const level of ["accepted", "stored", "durable"]) void write.acked({ level }).then(() => done.push(level));
    wants(replica, connection, [OUTPUT.acked, [1, 1]]);
    await new Promise(setImmediate);
    assert.deepEqual(done, ["accepted", "stored"]);
    wants(replica, connection, [OUTPUT.acked, [2, 1]]);
    await new Promise(setImmediate);
    assert.deepEqual(done, ["accepted", "stored", "durable"]);
    assert.deepEqual(seen, [{ level: "stored", seq: 1 }, { level: "durable", seq: 1 }]);
    await write.acked();
  });

  test("wait for the number of the write", async () => {
    const { doc, replica, connection } = start();
    replica.seq = 5;
    const write = doc.map().set("a", 1);
    wants(replica, connection, [OUTPUT.acked, [2, 4]]);
    await assert.rejects(write.acked({ timeout: 5 }), code("ack-timeout"));
    wants(replica, connection, [OUTPUT.acked, [2, 5]]);
    await write.acked({ timeout: 5 });
  });

  test("outlive a closed connection", async () => {
    const { doc, replica, connection } = start();
    const waiting = doc.map().set("a", 1).acked();
    connection.close();
    const second = connect("ws://127.0.0.1", { room: "board", doc, WebSocket: ScriptedSocket });
    wants(replica, second, [OUTPUT.acked, [2, 1]]);
    await waiting;
  });

  test("and synced reject when the relay refuses this client", async () => {
    const { doc, replica, connection } = start();
    const waiting = [doc.map().set("a", 1).acked(), connection.synced()];
    wants(replica, connection, [OUTPUT.error, ["denied", "bad token", false]], [OUTPUT.status, [4, 1, undefined, undefined]]);
    for (const promise of waiting) {
      await assert.rejects(promise, (error) => error.code === "stopped" && /bad token/.test(error.message));
    }
    await assert.rejects(doc.map().set("a", 2).acked(), code("stopped"));
    await assert.rejects(connection.synced(), code("stopped"));
  });
});

describe("synced", () => {
  test("resolves once live with nothing unsaved", async () => {
    const { replica, connection } = start();
    let done = false;
    const waiting = connection.synced().then(() => (done = true));
    wants(replica, connection, [OUTPUT.status, [3, 2, undefined, undefined]]);
    await new Promise(setImmediate);
    assert.ok(!done);
    wants(replica, connection, [OUTPUT.status, [3, 0, undefined, undefined]]);
    await waiting;
    await connection.synced();
  });

  test("rejects when the connection is closed", async () => {
    const { connection } = start();
    const waiting = connection.synced();
    connection.close();
    await assert.rejects(waiting, code("closed"));
    await assert.rejects(connection.synced(), code("closed"));
  });
});

describe("the life of a connection", () => {
  test("offline and online reach the replica", () => {
    const { replica, connection } = start();
    connection.offline();
    connection.online();
    assert.deepEqual(replica.inputs.slice(-2), [["online", false], ["online", true]]);
  });

  test("online cuts a pause between attempts short", () => {
    const { replica, connection } = start();
    wants(replica, connection, [OUTPUT.status, [1, 0, Date.now() + 30_000, undefined]]);
    replica.inputs = [];
    connection.online();
    assert.deepEqual(replica.inputs, [["online", false], ["online", true]]);
  });

  test("online after a refusal tries again", async () => {
    const { doc, replica, connection } = start();
    wants(replica, connection, [OUTPUT.status, [4, 0, undefined, undefined]]);
    await assert.rejects(doc.map().set("a", 1).acked(), code("stopped"));
    wants(replica, connection, [OUTPUT.status, [1, 0, undefined, undefined]]);
    const waiting = doc.map().set("a", 2).acked();
    wants(replica, connection, [OUTPUT.acked, [2, 1]]);
    await waiting;
  });

  test("a room must be named", () => {
    for (const room of ["", undefined, 5]) {
      assert.throws(() => connect("ws://x", { room, doc: new Doc(), WebSocket: ScriptedSocket }), code("invalid-option"));
    }
  });

  test("close hangs up, and nothing works afterwards", () => {
    const { replica, connection, socket } = start([[OUTPUT.connect]]);
    connection.close();
    connection.close();
    assert.deepEqual(replica.inputs.slice(-2), [["online", false], ["close"]]);
    assert.equal(socket.closed, 1000);
    for (const use of [() => connection.online(), () => connection.offline(), () => connection.setPresence(1)]) {
      assert.throws(use, code("closed"));
    }
  });

  test("a document has one at a time", () => {
    const { doc, connection } = start();
    assert.throws(() => connect("ws://x", { room: "b", doc, WebSocket: ScriptedSocket }), code("already-connected"));
    connection.close();
    connect("ws://x", { room: "b", doc, WebSocket: ScriptedSocket }).close();
  });

  test("freeing the document closes it", () => {
    const { doc, replica, connection, socket } = start([[OUTPUT.connect]]);
    doc.free();
    assert.deepEqual(replica.inputs.slice(-3), [["online", false], ["close"], ["free"]]);
    assert.equal(socket.closed, 1000);
    assert.throws(() => connection.online(), code("closed"));
  });

  test("a listener may close it", () => {
    const { replica, connection } = start();
    connection.on("status", () => connection.close());
    wants(replica, connection, [OUTPUT.status, [1, 0, undefined, undefined]], [OUTPUT.connect]);
    assert.deepEqual(ScriptedSocket.all, []);
  });

  test("the address may leave out the path and be of http", () => {
    const cases = {
      "ws://host:1": "ws://host:1/sync",
      "wss://host": "wss://host/sync",
      "http://host/": "ws://host/sync",
      "https://host/relay?x=1#y": "wss://host/relay?x=1",
    };
    for (const [url, expected] of Object.entries(cases)) {
      const doc = new Doc();
      ScriptedReplica.last.script.push([OUTPUT.connect]);
      connect(url, { room: "r", doc, WebSocket: ScriptedSocket });
      assert.equal(ScriptedSocket.all.at(-1).url, expected);
    }
    for (const url of ["", "host", "ftp://host"]) {
      assert.throws(() => connect(url, { room: "r", doc: new Doc() }), code("invalid-url"));
    }
  });

  test("a failure inside WASM ends everything with one clear error", async () => {
    const { doc, connection, socket } = start([[OUTPUT.connect]]);
    const waiting = doc.map().set("a", 1).acked();
    panic("index out of bounds");
    await assert.rejects(waiting, code("internal"));
    assert.equal(socket.closed, 1000);
    assert.throws(() => connection.online(), code("closed"));
    assert.throws(() => doc.map().get("a"), (error) => error.code === "internal" && /out of bounds/.test(error.message));
    doc.free();
    assert.throws(() => new Doc(), code("internal"));
  });
});
