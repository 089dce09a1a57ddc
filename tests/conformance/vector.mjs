// Runs one conformance vector on the public JavaScript API. Pure: the same file runs in Node and in a page.
// The steps are described in tests/src/vectors/step.rs.

import { difference, read } from "./notation.mjs";
import { Kept, toHex, unitsOf } from "./watch.mjs";

const BASE_MS = 1_700_000_000_000;
/** Longer bytes are compared by their hash. */
const FULL_BYTES = 2_048;

/**
 * Runs `vector` on `syncline` (the imported package) and returns the list of what differs.
 */
export async function runVector(syncline, vector) {
  const bench = { docs: {}, blobs: {}, now: BASE_MS, kept: new Kept() };
  for (const [name, replica] of Object.entries(vector.replicas)) {
    bench.docs[name] = new syncline.Doc({ replica, now: () => bench.now });
  }
  try {
    for (const [index, step] of vector.steps.entries()) {
      const problem = attempt(() => doStep(bench, step));
      if (problem) return [`step ${index + 1} (${step.op}): ${problem}`];
    }
    return await compare(bench, vector);
  } finally {
    for (const doc of Object.values(bench.docs)) doc.free();
  }
}

/** Flips one bit of the first exact byte that `vector` expects. */
export function corrupt(vector) {
  const replica = Object.values(vector.expect.replicas)[0];
  const flip = (hex) => hex.slice(0, -1) + (parseInt(hex.at(-1), 16) ^ 1).toString(16);
  if (typeof replica.export === "string") replica.export = flip(replica.export);
  else replica.export.sha256 = flip(replica.export.sha256);
}

function attempt(action) {
  try {
    return action();
  } catch (error) {
    return `${error.name} ${error.code ?? ""}: ${error.message}`;
  }
}

function doStep(bench, step) {
  if (step.at !== undefined) bench.now = BASE_MS + step.at;
  const doc = bench.docs[step.on];
  switch (step.op) {
    case "sync":
      return syncAll(bench, step.replicas);
    case "capture":
      bench.blobs[step.as] = blobOf(bench, step.on, step);
      return undefined;
    case "import":
      return importInto(doc, bench, step);
    case "transact":
      return transact(doc, step);
    case "fold":
      return void doc.fold([step.on, ...step.stable].map((name) => bench.docs[name].version()));
    default:
      if (bench.kept.does(step.op)) return bench.kept.step(doc, step);
      return CHECKS[step.op] ? difference(read(step.is), CHECKS[step.op](doc, step), step.op) : tryEdit(doc, step);
  }
}

/** What a step that checks has to compare with `is`. */
const CHECKS = {
  siblings: (doc, { path }) => doc.register(...path).siblings(),
  elements: (doc, { path, kind }) => doc.setOf(kind, ...path).values(),
  value: (doc, { path }) => doc.register(...path).get() ?? null,
  resolve: (doc, { path }) => resolved(doc, path),
  rights: (doc, { path, of }) => doc.boundedCounter(...path).rights(of),
  "list-is": (doc, { path }) => itemsOf(doc.list(...path)),
  "flag-is": (doc, { path, kind }) => flagOf(doc, path, kind).value,
};

/** The items one by one, which must be those that come at once. */
function itemsOf(list) {
  const items = Array.from({ length: list.length }, (_, index) => list.get(index));
  const problem = difference(list.values(), items, "values") ?? difference(list.ids().length, list.length, "ids");
  if (problem) throw new Error(problem);
  return items;
}

function resolved(doc, path) {
  try {
    const { type, ...found } = doc.resolve(path);
    return type === "all" ? { all: found.values } : found;
  } catch (error) {
    return { error: RESOLVE_ERRORS[error.code] ?? error.message };
  }
}

const RESOLVE_ERRORS = { "unknown-source": "source", "no-resolver": "resolver", "resolver-choice": "choice" };

function flagOf(doc, path, kind) {
  return doc.flag(...path, { wins: kind === "disable-wins" ? "disable" : "enable" });
}

/** Does an edit, or sees that it is refused and changes nothing. */
function tryEdit(doc, step) {
  if (!step.fails) return edit(doc, step);
  const before = doc.digest();
  try {
    edit(doc, step);
  } catch (error) {
    if (error.name !== "SynclineError") return `refused by ${error.name}, not by SynclineError`;
    return difference(before, doc.digest(), "digest after a refused edit");
  }
  return "this edit must be refused";
}

function transact(doc, step) {
  const undo = new Error("this transaction is rolled back on purpose");
  try {
    doc.transact(() => {
      for (const inner of step.steps) {
        const problem = edit(doc, inner);
        if (problem) throw new Error(problem);
      }
      if (step.rollback) throw undo;
    }, { origin: step.origin });
  } catch (error) {
    if (error !== undo) throw error;
  }
  return undefined;
}

function blobOf(bench, on, step) {
  const doc = bench.docs[on];
  if (step.save) return doc.save();
  return step.since === undefined ? doc.export() : doc.export({ from: bench.docs[step.since].version() });
}

function importInto(doc, bench, step) {
  const blob = step.blob === undefined ? blobOf(bench, step.from, step) : bench.blobs[step.blob];
  if (!step.fails) return void doc.import(blob);
  try {
    doc.import(blob);
  } catch (error) {
    return error.name === "SynclineError" ? undefined : `refused by ${error.name}, not by SynclineError`;
  }
  return "this import must be refused";
}

function syncAll(bench, names) {
  for (let round = 0; round < 2; round++) {
    for (const to of names) {
      for (const from of names) {
        if (to !== from) bench.docs[to].import(bench.docs[from].export({ from: bench.docs[to].version() }));
      }
    }
  }
}

function edit(doc, step) {
  const { op, path } = step;
  const key = path.at(-1);
  const parent = path.slice(0, -1);
  switch (op) {
    case "set":
      return void doc.map(...parent).set(key, read(step.value));
    case "register":
      return void doc.register(...path).set(read(step.value));
    case "assign":
      return void assign(doc, path, read(step.value));
    case "delete":
      return void (path.length === 0 ? doc.map().clear() : doc.map(...parent).delete(key));
    case "add":
      return void doc.setOf(step.kind ?? "add-wins", ...path).add(read(step.value));
    case "remove":
      return void doc.setOf(step.kind ?? "add-wins", ...path).delete(read(step.value));
    case "flag":
      return void flagOf(doc, path, step.kind).set(step.value);
    case "policy":
      return void doc.setPolicy(path, step.is && policyOf(step.is));
    case "source":
      return void doc.setSource(step.name);
    case "increment":
      return void doc.counter(...path).increment(read(step.by));
    case "grow":
      return void doc.counter(...path).grow(read(step.by));
    case "reset":
      return void doc.counter(...path).reset();
    case "bounded":
    case "bounded-add":
    case "bounded-sub":
    case "bounded-transfer":
      return editBounded(doc.boundedCounter(...path), step);
    case "list-insert":
    case "list-delete":
    case "list-set":
    case "list-move":
      return editList(doc.list(...path), step);
    case "insert":
    case "erase":
    case "format":
      return editText(doc.text(...path), step);
    case "fill":
    case "clear":
      return bulk(doc, step);
    default:
      return `no such op: ${op}`;
  }
}

function policyOf([name, ...rest]) {
  if (name === "custom") return { custom: rest[0] };
  return name === "source-priority" ? { sourcePriority: rest } : name;
}

function editBounded(counter, { op, bound, to, by }) {
  if (op === "bounded") counter.create(read(bound));
  else if (op === "bounded-add") counter.add(by);
  else if (op === "bounded-sub") counter.subtract(by);
  else counter.transfer(to, by);
  return undefined;
}

function editList(list, { op, index, value, from, to }) {
  if (op === "list-delete") list.delete(index);
  else if (op === "list-set") list.set(index, read(value));
  else if (op === "list-move") list.move(from, to);
  else if (index === undefined) list.push(read(value));
  else list.insert(index, read(value));
  return undefined;
}

/** An empty map has nothing to assign: it is created. */
function assign(doc, path, value) {
  const map = doc.map(...path);
  if (Object.keys(value).length === 0) map.create();
  else map.assign(value);
}

/** Positions in the files are code points, those of the API UTF-16 units. */
function editText(text, step) {
  const letters = text.toString();
  const index = unitsOf(letters, step.index);
  if (step.op === "insert") return void text.insert(index, step.text, step.attributes && read(step.attributes));
  const count = unitsOf(letters, step.index + step.count) - index;
  if (step.op === "erase") text.delete(index, count);
  else text.format(index, count, read(step.attributes));
  return undefined;
}

function bulk(doc, step) {
  const map = doc.map(...step.path);
  doc.transact(() => {
    for (const [index, key] of makeKeys(step.keys).entries()) {
      if (step.op === "fill") map.set(key, index);
      else map.delete(key);
    }
  });
  return undefined;
}

/** Makes keys in bulk with a 32-bit xorshift, as tests/src/vectors/keys.rs does. */
function makeKeys({ kind, seed = 1, count }) {
  let state = seed >>> 0;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  const hex = () => next().toString(16).padStart(8, "0");
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const kinds = {
    tail: (index) => `user:${index}`,
    hex: () => hex() + hex(),
    uuid: () => (hex() + hex() + hex() + hex()).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
    base64url: () => Array.from({ length: 22 }, () => alphabet[next() >>> 26]).join(""),
  };
  return Array.from({ length: count }, (_, index) => kinds[kind](index));
}

async function compare(bench, vector) {
  const problems = [];
  const note = (problem) => problem && problems.push(problem);
  for (const [name, doc] of Object.entries(bench.docs)) {
    const expected = vector.expect.replicas[name];
    const byHand = Object.hasOwn(vector.values, name) ? vector.values[name] : vector.values["*"];
    note(difference(read(byHand), shorten(doc.toJSON()), `values.${name}`));
    note(difference(expected.digest, doc.digest(), `${name}.digest`));
    note(difference(expected.version, toHex(doc.version()), `${name}.version`));
    note(difference(expected.export, await describe(doc.export()), `${name}.export`));
  }
  for (const [name, expected] of Object.entries(vector.expect.blobs)) {
    note(difference(expected, await describe(bench.blobs[name]), `blobs.${name}`));
  }
  return problems;
}

/** Of maps with more than 100 entries the files keep the count. */
function shorten(value) {
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value);
  if (entries.length > 100) return { $entries: entries.length };
  for (const [key, inner] of entries) value[key] = shorten(inner);
  return value;
}

async function describe(bytes) {
  if (bytes.length <= FULL_BYTES) return toHex(bytes);
  return { bytes: bytes.length, sha256: toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))) };
}
