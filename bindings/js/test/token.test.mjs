// Tokens that end, against the real relay, which closes a connection when the time of its token is over.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Doc, RelayError, SynclineError, connect } from "syncline";
import { Relay, until } from "./support/relay.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let relay, rooms = 0;
const open = [];

before(async () => (relay = await new Relay("0123456789abcdef0123456789abcdef").start()));
after(async () => {
  for (const connection of open) connection.close();
  await relay.remove();
});

/** Connects a new document to a new room, and keeps what is told of the connection. */
function join(token, options = {}) {
  const doc = new Doc();
  const connection = connect(relay.url, { room: `room ${rooms++}`, doc, token, ...options });
  open.push(connection);
  const [states, errors] = [[], []];
  connection.on("status", ({ state }) => states.at(-1) !== state && states.push(state));
  connection.on("error", (error) => errors.push(error));
  return { doc, connection, states, errors };
}

/** Writes for some time, each write acknowledged. */
async function writeFor(seconds, doc) {
  const end = Date.now() + seconds * 1000;
  for (let n = 0; Date.now() < end; n++) {
    await doc.map().set("n", n).acked({ level: "stored", timeout: 2_000 });
    await pause(100);
  }
}

/** Makes a function that gives tokens of some seconds and remembers when it was called. */
function source(seconds, { wait = 0, claims } = {}) {
  const calls = [];
  const get = async () => {
    calls.push(Date.now());
    await pause(wait);
    return relay.token(seconds, claims?.(calls.length));
  };
  return Object.assign(get, { calls });
}

describe("tokens of two seconds", { concurrency: true }, () => {
  test("are renewed on the open socket by a function, which is asked in time", async () => {
    const get = source(2, { wait: 20 });
    const { doc, connection, states, errors } = join(get);
    await connection.synced();
    await writeFor(6, doc);
    assert.ok(get.calls.length >= 3 && get.calls.length <= 7, `asked ${get.calls.length} times`);
    assert.deepEqual(states, ["syncing", "live"]);
    assert.deepEqual(errors, []);
  });

  test("are renewed by renew()", async () => {
    const { doc, connection, states, errors } = join(relay.token(2));
    await connection.synced();
    const timer = setInterval(() => connection.renew(relay.token(2)), 1_300);
    try {
      await writeFor(6, doc);
    } finally {
      clearInterval(timer);
    }
    assert.deepEqual(states, ["syncing", "live"]);
    assert.deepEqual(errors, []);
  });

  test("that nobody renews end the connection with a typed error, and renew() brings it back", async () => {
    const { doc, connection, errors } = join(relay.token(2));
    await connection.synced();
    await until(() => connection.status.state === "stopped");
    assert.ok(errors[0] instanceof RelayError);
    assert.deepEqual([errors[0].code, errors[0].temporary], ["unauthorized", false]);
    await assert.rejects(doc.map().set("late", 1).acked(), (error) => error instanceof SynclineError && error.code === "stopped");
    connection.renew(relay.token(60));
    await connection.synced();
    await doc.map().set("late", 2).acked();
  });
});

describe("a function that gets tokens", { concurrency: true }, () => {
  test("may be one that returns a string at once, and is called for each connection", async () => {
    let calls = 0;
    const { connection } = join(() => (calls++, relay.token(60)));
    await connection.synced();
    assert.equal(calls, 1);
    connection.offline();
    connection.online();
    await connection.synced();
    assert.equal(calls, 2);
  });

  test("is called again when the relay refuses what it gave, and stops the connection when that is refused, too", async () => {
    const better = source(60, { claims: (call) => (call === 1 ? { exp: Date.now() / 1000 - 60 } : {}) });
    const mended = join(better);
    await mended.connection.synced();
    assert.equal(better.calls.length, 2);
    assert.deepEqual(mended.errors.map(({ code }) => code), ["unauthorized"]);

    const never = source(-60);
    const { connection } = join(never);
    await assert.rejects(connection.synced(), (error) => error.code === "stopped" && error.cause.code === "unauthorized");
    assert.equal(never.calls.length, 2);
    connection.renew(relay.token(60));
    await connection.synced();
    assert.equal(never.calls.length, 2);
  });

  test("need not give tokens whose time the client can tell: after a close it is called again", async () => {
    let calls = 0;
    const { doc, connection, states } = join(() => {
      calls++;
      const exp = Date.now() / 1000 + 2;
      return relay.token(2, { exp, iat: exp });
    });
    await connection.synced();
    await until(() => calls === 2);
    await doc.map().set("a", 1).acked({ timeout: 5_000 });
    assert.ok(!states.includes("stopped"), states.join(" "));
  });

  test("that fails is told of as an error, and called again", async () => {
    let calls = 0;
    const { connection, errors } = join(() => {
      calls++;
      if (calls === 1) throw new Error("no session");
      return calls === 2 ? 42 : relay.token(60);
    });
    await connection.synced();
    assert.ok(errors.every((error) => error instanceof RelayError && error.temporary));
    assert.deepEqual(errors.map(({ code }) => code), ["token-failed", "token-failed"]);
    assert.match(errors[0].message, /no session/);
    assert.equal(errors[0].cause.message, "no session");
    assert.match(errors[1].message, /type number/);
  });

  test("that fails when a token is to be renewed leaves the connection as it is, and is called again", async () => {
    let calls = 0;
    const { doc, connection, states, errors } = join(() => {
      calls++;
      if (calls === 2) throw new Error("a hiccup");
      return relay.token(calls === 1 ? 8 : 60);
    });
    await connection.synced();
    await until(() => calls === 3);
    await writeFor(0.5, doc);
    assert.deepEqual(errors.map(({ code }) => code), ["token-failed"]);
    assert.deepEqual(states, ["syncing", "live"]);
  });

  test("is asked no more by a connection that is offline or closed", async () => {
    const get = source(2, { wait: 50 });
    const { connection, states } = join(get);
    connection.offline();
    await pause(200);
    assert.deepEqual([connection.status.state, states.includes("live")], ["offline", false]);
    connection.online();
    await connection.synced();
    connection.close();
    const { length } = get.calls;
    await pause(2_500);
    assert.equal(get.calls.length, length);
  });
});

describe("a fresh token", { concurrency: true }, () => {
  test("that is refused is told of as an error, and the one before stays in force", async () => {
    const { doc, connection, states, errors } = join(relay.token(60));
    await connection.synced();
    connection.renew(`${relay.token(60).slice(0, -8)}AAAAAAAA`);
    await until(() => errors.length === 1);
    assert.ok(errors[0] instanceof RelayError);
    assert.equal(errors[0].code, "unauthorized");
    await doc.map().set("a", 1).acked({ timeout: 5_000 });
    assert.equal(states.at(-1), "live");
  });

  test("is taken while the function is still being asked", async () => {
    const { connection } = join(() => new Promise(() => undefined));
    await pause(50);
    connection.renew(relay.token(60));
    await connection.synced();
  });

  test("must be a string, and the connection open", () => {
    const { connection } = join(relay.token(60));
    assert.throws(() => connection.renew(undefined), (error) => error.code === "invalid-option");
    connection.close();
    assert.throws(() => connection.renew("x"), (error) => error.code === "closed");
  });
});
