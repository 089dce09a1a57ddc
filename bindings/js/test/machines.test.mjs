// Two-phase commit and rounds of retirement, driven by a JavaScript program.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Coordinator, Participant, RetirementDriver, SynclineError, init, newTx } from "syncline/tools";

await init();
const code = (expected) => (error) => error instanceof SynclineError && error.code === expected;
const MS = 1_700_000_000_000;
const bytes = (text) => new TextEncoder().encode(text);

/** A coordinator and rooms with their logs: does at once what they want done. */
class Program {
  now = MS;
  finished = [];
  mail = [];
  refuses = new Set();
  silent = new Set();

  constructor(...rooms) {
    this.names = ["c", ...rooms];
    this.logs = Object.fromEntries(this.names.map((name) => [name, []]));
    this.data = Object.fromEntries(rooms.map((room) => [room, []]));
    this.machines = Object.fromEntries(this.names.map((name) => [name, this.start(name)]));
  }

  start = (name, log) => (name === "c" ? new Coordinator(name, { log }) : new Participant(name, { log }));

  begin(parts) {
    const tx = newTx(++this.now);
    this.perform("c", this.machines.c.begin(tx, parts, this.now));
    return tx;
  }

  /** Delivers messages until there are none, or `enough` says so. */
  run(enough = () => false) {
    while (this.mail.length > 0 && !enough()) {
      const { to, message } = this.mail.shift();
      if (!this.silent.has(to)) this.perform(to, this.machines[to].message(message, this.now));
    }
  }

  tick(later) {
    this.now += later;
    for (const name of this.names) this.perform(name, this.machines[name].tick(this.now));
    this.run();
  }

  /** The program of one node ends, and begins again with what it has on disk. */
  crash(name) {
    this.machines[name] = this.start(name, this.logs[name]);
  }

  perform(name, outputs) {
    assert.equal(outputs.at(-1).type, "idle");
    const [machine, log] = [this.machines[name], this.logs[name]];
    for (const output of outputs) {
      const { type, tx, record } = output;
      if (record) log.push(record);
      if (type === "send") this.mail.push(output);
      else if (type === "validate") this.perform(name, machine.validated(tx, this.now, this.refuses.has(name) ? "too little" : null));
      else if (type === "force") this.perform(name, machine.forced(tx, this.now));
      else if (type === "finished") this.finished.push([tx, output.outcome]);
      else if (type === "apply") {
        this.data[name].push(new TextDecoder().decode(output.payload));
        this.perform(name, machine.applied(tx, this.now));
      }
    }
  }
}

const parts = { accounts: bytes("-5"), stock: bytes("+5") };

describe("two-phase commit", () => {
  test("a transaction is in all rooms", () => {
    const program = new Program("accounts", "stock");
    const tx = program.begin(parts);
    program.run();
    assert.deepEqual(program.finished, [[tx, "committed"]]);
    assert.deepEqual(program.data, { accounts: ["-5"], stock: ["+5"] });
    assert.equal(program.machines.c.active, 0);
    assert.deepEqual([program.machines.c.records.length, program.machines.stock.records.length], [0, 1]);
  });

  test("a no and a silent room abort it", () => {
    const program = new Program("accounts", "stock");
    program.refuses.add("stock");
    const tx = program.begin(parts);
    program.run();
    program.refuses.clear();
    program.silent.add("stock");
    const late = program.begin(parts);
    program.run();
    assert.deepEqual(program.machines.accounts.inDoubt, [{ tx: late, payload: parts.accounts }]);
    program.tick(5000);
    program.silent.clear();
    program.tick(5000);
    assert.deepEqual(program.finished, [[tx, "refused"], [late, "timed-out"]]);
    assert.deepEqual([program.data, program.machines.accounts.inDoubt], [{ accounts: [], stock: [] }, []]);
  });

  test("a crash of either side after its record is on disk loses nothing and applies nothing twice", () => {
    for (const name of ["c", "stock"]) {
      const program = new Program("accounts", "stock");
      const tx = program.begin(parts);
      program.run(() => program.logs[name].length > 0);
      program.mail = [];
      program.crash(name);
      assert.equal(program.machines[name].records.length, 1);
      program.tick(500);
      program.tick(500);
      assert.equal(program.finished.at(-1)[1], "committed", name);
      program.crash("stock");
      program.tick(500);
      assert.deepEqual(program.data, { accounts: ["-5"], stock: ["+5"] }, name);
      assert.equal(program.finished[0][0], tx);
    }
  });

  test("what cannot begin, or is no input, says why", () => {
    const coordinator = new Coordinator("c");
    coordinator.begin(newTx(MS), { r: bytes("1") }, MS);
    assert.throws(() => coordinator.begin("5".padStart(32, "0"), { r: bytes("1") }, MS), code("reused"));
    assert.throws(() => coordinator.begin(newTx(MS + 1), {}, MS), code("rooms"));
    assert.throws(() => coordinator.begin(newTx(MS + 1), { r: new Uint8Array(2 ** 20 + 1) }, MS), code("too-large"));
    assert.throws(() => coordinator.message(new Uint8Array([9]), MS), code("decode"));
    assert.throws(() => coordinator.handle({ type: "fly" }, MS), code("argument"));
    assert.throws(() => new Participant(7), code("argument"));
    assert.equal(coordinator.active, 1);
  });

  test("ids sort by time, and each is later than the one before", () => {
    assert.ok(newTx(1) < newTx(2) && newTx(2) < newTx());
    const ids = Array.from({ length: 100 }, () => newTx());
    assert.deepEqual(ids, [...new Set(ids)].sort());
    assert.match(ids[0], /^[0-9a-f]{32}$/);
  });
});

test("a round of retirement is driven", () => {
  const [replica, horizon] = ["018bcfe5680000000000000000000a01", MS + 1];
  const driver = new RetirementDriver([1, 2], horizon, MS);
  const says = (outputs) => outputs.slice(0, -1).map((output) => output.says ?? output.type);
  const all = (type, more) => [1, 2].flatMap((from) => says(driver.handle({ type, from, horizon, ...more }, MS)));
  assert.deepEqual(says(driver.tick(MS)), ["fence", "fence"]);
  assert.deepEqual(all("fenced", { attached: [], version: { [replica]: 3 } }), ["settle", "settle"]);
  assert.deepEqual(all("settled"), ["retire", "retire"]);
  assert.equal(driver.isOver, false);
  assert.deepEqual(all("retired"), ["done"]);
  assert.equal(driver.isOver, true);
  assert.throws(() => driver.message(1, new Uint8Array([77]), MS), code("decode"));
});
