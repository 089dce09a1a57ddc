/** The workloads. Each checks what came out, so that a library used wrongly stops the run. */
import { entries, overwrites, setEdits } from "./data.mjs";

const SEED = 20_261;

/** Replicas that count. */
const REPLICAS = 16;

/** No other value of an entry. */
const LAST = 1000;

/** Runs `work` and returns what it returned and the CPU time of this process in seconds. */
function timed(work) {
  globalThis.gc?.();
  const start = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(start);
  return { result, cpu: (user + system) / 1e6 };
}

/** Checks that `doc` holds what `writes` leave behind, and nothing else. */
function holds(library, doc, writes) {
  const expected = new Map(writes);
  const size = library.size(doc);
  if (size !== expected.size) throw new Error(`${size} keys are there, not ${expected.size}`);
  for (const [key, value] of expected) {
    const found = library.get(doc, key);
    if (found !== value) throw new Error(`${key} is ${found}, not ${value}`);
  }
}

function set(library, count, method) {
  const data = entries(SEED, count);
  const state = { doc: library.create(1) };
  const { cpu } = timed(() => (state.doc = library[method](state.doc, data) ?? state.doc));
  holds(library, state.doc, data);
  return { cpu, doc: state.doc };
}

function filled(library, data, replica = 1) {
  const doc = library.create(replica);
  return library.setAll(doc, data) ?? doc;
}

function mergeSets(library, count) {
  const edits = [setEdits(SEED, 1, count), setEdits(SEED, 2, count)];
  const [left, right] = edits.map(({ adds, removes }, at) => {
    let doc = library.create(at + 1);
    doc = library.addAll(doc, adds) ?? doc;
    return library.removeAll(doc, removes) ?? doc;
  });
  const { result, cpu } = timed(() => library.merge(left, right));
  // Neither side has seen the other's adds, so by add-wins what either kept is there.
  const kept = new Set(edits.flatMap((edit) => edit.kept));
  const found = result.map((doc) => [...kept].filter((element) => library.setHas(doc, element)).length);
  if (found[0] !== found[1] || result.some((doc) => library.setSize(doc) !== found[0])) {
    throw new Error(`the replicas differ: ${found} elements of ${kept.size}`);
  }
  if (found[0] * 2 < kept.size) throw new Error(`only ${found[0]} elements of ${kept.size} are there`);
  return { cpu, lost: kept.size - found[0] };
}

function load(library, count, read) {
  const data = entries(SEED, count);
  const bytes = library.encode(filled(library, data));
  const { result, cpu } = timed(() => {
    const doc = library.load(2, bytes);
    let sum = 0;
    if (read) for (const [key] of data) sum += library.get(doc, key);
    return { doc, sum };
  });
  if (read && result.sum !== data.reduce((sum, [, value]) => sum + value, 0)) throw new Error("the values differ");
  holds(library, result.doc, data);
  return { cpu };
}

/** Returns `doc` when it has taken in what other replicas have seen. */
const taken = (library, doc, states) => states.reduce((doc, state) => library.take(doc, state) ?? doc, doc);

/** Replicas that count at the same time with one counter, and then one that takes in what the others did. */
function counter(library, times) {
  const docs = library.createCounting(Array.from({ length: REPLICAS }, (_, at) => at + 1));
  const counting = timed(() => docs.map((doc) => library.countEach(doc, times) ?? doc));
  const [first, ...rest] = counting.result;
  const merging = timed(() => rest.reduce((all, doc) => taken(library, all, [library.state(doc)]), first));
  const bytes = library.encode(merging.result);
  for (const doc of [merging.result, library.load(REPLICAS + 1, bytes)]) {
    const found = library.countOf(doc);
    if (found !== REPLICAS * times) throw new Error(`the counter is ${found}, not ${REPLICAS * times}`);
  }
  return { counted: counting.cpu, merged: merging.cpu, bytes: bytes.length };
}

/** Replicas that set one key at the same time, and then one that takes in the states of all. */
function oneKey(library, replicas) {
  const values = entries(SEED, replicas);
  const [[key]] = values;
  const states = values.map(([, value], at) => {
    const doc = library.create(at + 1);
    return library.state(library.setEach(doc, [[key, value]]) ?? doc);
  });
  const [empty, reversed] = [1, 2].map((more) => library.create(replicas + more));
  const { result: all, cpu } = timed(() => taken(library, empty, states));
  const other = taken(library, reversed, [...states].reverse());
  const found = [all, other].map((doc) => library.get(doc, key));
  if (found[0] !== found[1] || !values.some(([, value]) => value === found[0])) throw new Error(`replicas read ${found}`);
  return { cpu, key, all, other };
}

/** The workloads by the name that all three languages print; each takes a library and a function that scales counts. */
export const WORKLOADS = {
  "set-each": (library, count) => ({ cpu: set(library, count(100_000), "setEach").cpu }),
  "set-one": (library, count) => ({ cpu: set(library, count(100_000), "setAll").cpu }),
  overwrite(library, count) {
    const writes = overwrites(SEED, count(1000), count(100_000));
    const doc = library.create(1);
    const { result, cpu } = timed(() => library.setEach(doc, writes) ?? doc);
    holds(library, result, writes);
    return { cpu, bytes: library.encode(result).length };
  },
  "one-op"(library, count) {
    const data = entries(SEED, count(20_000));
    const { result, cpu } = timed(() => library.replicate(library.create(1), library.create(2), data));
    holds(library, result.to, data);
    return { cpu, bytes: result.bytes / data.length };
  },
  "merge-maps"(library, count) {
    const data = [entries(SEED, count(50_000)), entries(SEED + 9, count(50_000))];
    const [left, right] = data.map((part, at) => filled(library, part, at + 1));
    const { result, cpu } = timed(() => library.merge(left, right));
    for (const doc of result) holds(library, doc, data.flat());
    return { cpu };
  },
  "merge-sets": (library, count) => mergeSets(library, count(50_000)),
  encode(library, count) {
    const data = entries(SEED, count(100_000));
    const doc = filled(library, data);
    const { result, cpu } = timed(() => library.encode(doc));
    holds(library, library.load(2, result), data);
    return { cpu, bytes: result.length };
  },
  load: (library, count) => load(library, count(100_000), false),
  "load-read": (library, count) => load(library, count(100_000), true),
  delete(library, count) {
    const data = entries(SEED, count(100_000));
    const doc = filled(library, data);
    const { result, cpu } = timed(() => library.deleteEach(doc, data) ?? doc);
    const bytes = library.encode(result);
    for (const state of [result, library.load(2, bytes)]) holds(library, state, []);
    return { cpu, bytes: bytes.length };
  },
  counter(library, count) {
    const { counted, bytes } = counter(library, count(10_000));
    return { cpu: counted, bytes };
  },
  "counter-merge": (library, count) => ({ cpu: counter(library, count(10_000)).merged }),
  "one-key"(library, count) {
    const { cpu, all } = oneKey(library, count(1000));
    return { cpu, bytes: library.encode(all).length };
  },
  "one-key-after"(library, count) {
    const { key, all, other } = oneKey(library, count(1000));
    const last = [[key, LAST]];
    const written = library.setEach(all, last) ?? all;
    const bytes = library.encode(written);
    for (const doc of [written, taken(library, other, [bytes])]) holds(library, doc, last);
    return { bytes: bytes.length };
  },
};
