import * as Y from "yjs";

/** What each replica counted is a map: there is no counter, and this is what its users put together. */
const open = (doc) => ({ doc, map: doc.getMap("m"), set: doc.getMap("s"), counts: doc.getMap("c") });

/** Whole documents are encoded in the first of the two encodings. */
export const yjs = {
  name: "yjs",
  create: () => open(new Y.Doc()),
  setEach({ map }, entries) {
    for (const [key, value] of entries) map.set(key, value);
  },
  setAll({ doc, map }, entries) {
    doc.transact(() => {
      for (const [key, value] of entries) map.set(key, value);
    });
  },
  deleteEach({ map }, entries) {
    for (const [key] of entries) map.delete(key);
  },
  get: ({ map }, key) => map.get(key),
  size: ({ map }) => map.size,
  addAll({ doc, set }, elements) {
    doc.transact(() => {
      for (const element of elements) set.set(element, true);
    });
  },
  removeAll({ doc, set }, elements) {
    doc.transact(() => {
      for (const element of elements) set.delete(element);
    });
  },
  setHas: ({ set }, element) => set.has(element),
  setSize: ({ set }) => set.size,
  createCounting: (replicas) => replicas.map(() => open(new Y.Doc())),
  countEach({ doc, counts }, times) {
    const own = String(doc.clientID);
    for (let count = 1; count <= times; count++) counts.set(own, count);
  },
  countOf: ({ counts }) => [...counts.values()].reduce((sum, count) => sum + count, 0),
  replicate(from, to, entries) {
    let bytes = 0;
    from.doc.on("update", (update) => {
      bytes += update.length;
      Y.applyUpdate(to.doc, update);
    });
    for (const [key, value] of entries) from.map.set(key, value);
    return { to, bytes };
  },
  merge(left, right) {
    const toRight = Y.encodeStateAsUpdate(left.doc, Y.encodeStateVector(right.doc));
    const toLeft = Y.encodeStateAsUpdate(right.doc, Y.encodeStateVector(left.doc));
    Y.applyUpdate(left.doc, toLeft);
    Y.applyUpdate(right.doc, toRight);
    return [left, right];
  },
  encode: ({ doc }) => Y.encodeStateAsUpdate(doc),
  load(_replica, bytes) {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, bytes);
    return open(doc);
  },
  state: ({ doc }) => Y.encodeStateAsUpdate(doc),
  take({ doc }, state) {
    Y.applyUpdate(doc, state);
  },
};

export const yjsV2 = {
  ...yjs,
  name: "yjs (v2)",
  encode: ({ doc }) => Y.encodeStateAsUpdateV2(doc),
  load(_replica, bytes) {
    const doc = new Y.Doc();
    Y.applyUpdateV2(doc, bytes);
    return open(doc);
  },
};
