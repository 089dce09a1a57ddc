import { Doc } from "syncline";

/** The containers of every document are kept, as an application would. */
const open = (doc) => ({ doc, map: doc.map("m"), set: doc.set("s"), counter: doc.counter("c") });

export const syncline = {
  name: "syncline",
  create: () => open(new Doc()),
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
      for (const element of elements) set.add(element);
    });
  },
  removeAll({ doc, set }, elements) {
    doc.transact(() => {
      for (const element of elements) set.delete(element);
    });
  },
  setHas: ({ set }, element) => set.has(element),
  setSize: ({ set }) => set.size,
  createCounting: (replicas) => replicas.map(() => open(new Doc())),
  countEach({ counter }, times) {
    for (let time = 0; time < times; time++) counter.increment();
  },
  countOf: ({ counter }) => counter.value,
  replicate(from, to, entries) {
    let bytes = 0;
    for (const [key, value] of entries) {
      from.map.set(key, value);
      const update = from.doc.export({ from: to.doc.version() });
      bytes += update.length;
      to.doc.import(update);
    }
    return { to, bytes };
  },
  merge(left, right) {
    const toRight = left.doc.export({ from: right.doc.version() });
    const toLeft = right.doc.export({ from: left.doc.version() });
    left.doc.import(toLeft);
    right.doc.import(toRight);
    return [left, right];
  },
  encode: ({ doc }) => doc.export(),
  load(_replica, bytes) {
    const doc = new Doc();
    doc.import(bytes);
    return open(doc);
  },
  state: ({ doc }) => doc.export(),
  take({ doc }, state) {
    doc.import(state);
  },
};
