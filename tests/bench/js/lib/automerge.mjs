import * as Automerge from "@automerge/automerge";

/** Both the map and the set are the root: maps made by two replicas at one key would be two maps, of which one is seen. */
export const automerge = {
  name: "automerge",
  create: () => Automerge.init(),
  setEach(doc, entries) {
    for (const [key, value] of entries) {
      doc = Automerge.change(doc, (draft) => {
        draft[key] = value;
      });
    }
    return doc;
  },
  setAll: (doc, entries) =>
    Automerge.change(doc, (draft) => {
      for (const [key, value] of entries) draft[key] = value;
    }),
  deleteEach(doc, entries) {
    for (const [key] of entries) {
      doc = Automerge.change(doc, (draft) => {
        delete draft[key];
      });
    }
    return doc;
  },
  get: (doc, key) => doc[key],
  size: (doc) => Object.keys(doc).length,
  addAll: (doc, elements) =>
    Automerge.change(doc, (draft) => {
      for (const element of elements) draft[element] = true;
    }),
  removeAll: (doc, elements) =>
    Automerge.change(doc, (draft) => {
      for (const element of elements) delete draft[element];
    }),
  setHas: (doc, element) => element in doc,
  setSize: (doc) => Object.keys(doc).length,
  // A counter is made once: two that are made at one key are two counters, of which one is seen.
  createCounting(replicas) {
    const base = Automerge.from({ c: new Automerge.Counter() });
    return replicas.map(() => Automerge.clone(base));
  },
  countEach(doc, times) {
    for (let time = 0; time < times; time++) doc = Automerge.change(doc, (draft) => draft.c.increment());
    return doc;
  },
  countOf: (doc) => doc.c.value,
  replicate(from, to, entries) {
    let bytes = 0;
    for (const [key, value] of entries) {
      from = Automerge.change(from, (draft) => {
        draft[key] = value;
      });
      const update = Automerge.getLastLocalChange(from);
      bytes += update.length;
      [to] = Automerge.applyChanges(to, [update]);
    }
    return { to, bytes };
  },
  merge(left, right) {
    const [leftHeads, rightHeads] = [Automerge.getHeads(left), Automerge.getHeads(right)];
    const [toRight, toLeft] = [Automerge.saveSince(left, rightHeads), Automerge.saveSince(right, leftHeads)];
    return [Automerge.loadIncremental(left, toLeft), Automerge.loadIncremental(right, toRight)];
  },
  encode: (doc) => Automerge.save(doc),
  load: (_replica, bytes) => Automerge.load(bytes),
  state: (doc) => Automerge.save(doc),
  take: (doc, state) => Automerge.loadIncremental(doc, state),
};

/** Deletes a tenth: all would take it many minutes, since each of its transactions costs with the size of the document. */
export const automergeTenth = { ...automerge, name: "automerge (a tenth)", share: 0.1 };
