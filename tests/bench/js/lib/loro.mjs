import { LoroDoc } from "loro-crdt";

const open = (doc) => ({ doc, map: doc.getMap("m"), set: doc.getMap("s"), counter: doc.getCounter("c") });

/** Whole documents are encoded with their history. */
export const loro = {
  name: "loro",
  create: () => open(new LoroDoc()),
  setEach({ doc, map }, entries) {
    for (const [key, value] of entries) {
      map.set(key, value);
      doc.commit();
    }
  },
  setAll({ doc, map }, entries) {
    for (const [key, value] of entries) map.set(key, value);
    doc.commit();
  },
  deleteEach({ doc, map }, entries) {
    for (const [key] of entries) {
      map.delete(key);
      doc.commit();
    }
  },
  get: ({ map }, key) => map.get(key),
  size: ({ map }) => map.size,
  addAll({ doc, set }, elements) {
    for (const element of elements) set.set(element, true);
    doc.commit();
  },
  removeAll({ doc, set }, elements) {
    for (const element of elements) set.delete(element);
    doc.commit();
  },
  setHas: ({ set }, element) => set.get(element) !== undefined,
  setSize: ({ set }) => set.size,
  createCounting: (replicas) => replicas.map(() => open(new LoroDoc())),
  countEach({ doc, counter }, times) {
    for (let time = 0; time < times; time++) {
      counter.increment(1);
      doc.commit();
    }
  },
  countOf: ({ counter }) => counter.value,
  replicate(from, to, entries) {
    const updates = [];
    let bytes = 0;
    const unsubscribe = from.doc.subscribeLocalUpdates((update) => updates.push(update));
    for (const [key, value] of entries) {
      from.map.set(key, value);
      from.doc.commit();
      for (const update of updates.splice(0)) {
        bytes += update.length;
        to.doc.import(update);
      }
    }
    unsubscribe();
    return { to, bytes };
  },
  merge(left, right) {
    const toRight = left.doc.export({ mode: "update", from: right.doc.version() });
    const toLeft = right.doc.export({ mode: "update", from: left.doc.version() });
    left.doc.import(toLeft);
    right.doc.import(toRight);
    return [left, right];
  },
  encode: ({ doc }) => doc.export({ mode: "snapshot" }),
  load(_replica, bytes) {
    const doc = new LoroDoc();
    doc.import(bytes);
    return open(doc);
  },
  state: ({ doc }) => doc.export({ mode: "update" }),
  take({ doc }, state) {
    doc.import(state);
  },
};

export const loroShallow = {
  ...loro,
  name: "loro (shallow)",
  encode: ({ doc }) => doc.export({ mode: "shallow-snapshot", frontiers: doc.oplogFrontiers() }),
};
