// Compiled, never run: what must and what must not type-check for users of the package.
import {
  connect,
  init,
  persist,
  Doc,
  SynclineError,
  type Attributes,
  type CatchUp,
  type ChangeEvent,
  type ChangeStream,
  type Connection,
  type ConnectionStatus,
  type ContainerKind,
  type Persistence,
  type Policy,
  type Splice,
  type SyncList,
  type SyncMap,
  type SyncSet,
  type SyncText,
  type TokenSource,
  type UndoManager,
  type Value,
  type Write,
} from "syncline";
import { init as initInline } from "syncline/inline";
import { init as initSlim, initSync } from "syncline/slim";
import {
  Coordinator,
  Participant,
  QuorumTracker,
  ReconcileSession,
  RetirementDriver,
  Ring,
  Topology,
  compareClocks,
  decide,
  init as initTools,
  newTx,
} from "syncline/tools";

export async function everything(bytes: Uint8Array): Promise<void> {
  await init();
  await init(new URL("https://example.org/syncline.wasm"));
  await initInline();
  await initSlim(fetch("/syncline.wasm").then((response) => response));
  initSync(bytes as Uint8Array<ArrayBuffer>);

  const doc: Doc = new Doc({ replica: "0".repeat(32), now: () => 0 });
  const map: SyncMap = doc.map("a", "b");
  const write: Write = map.set("key", { nested: [1, 2n, "x", null, new Date(), bytes, new Float32Array(2)] });
  await write.acked({ level: "stored", timeout: 100 });
  const set: SyncSet = map.set("tags");
  set.add("x").seq satisfies number;
  const value: Value | undefined = map.get("key");
  if (typeof value === "bigint") value satisfies bigint;
  for (const [key, item] of map) key satisfies string, item satisfies Value;
  for (const element of set) element satisfies Value;
  const text: SyncText = map.text("notes");
  text.insert(0, "a");
  doc.counter("votes").increment().acked() satisfies Promise<void>;
  doc.register("title").siblings() satisfies Value[];
  const list: SyncList = map.list("todo");
  list.insert(0, { title: "Plan" }).seq satisfies number;
  list.ids() satisfies string[];
  for (const item of list) item satisfies Value;
  doc.flag("done").enable();
  doc.flag("a", "b", { wins: "disable" }).value satisfies boolean;
  map.flag("on", { wins: "enable" }).disable();
  doc.setOf("two-phase", "banned").add("eve");
  doc.boundedCounter("seats").transfer(doc.replica, 4).acked() satisfies Promise<void>;
  doc.setPolicy(["votes"], { sourcePriority: ["eu", "us"] });
  doc.policy(["votes"]) satisfies Policy;
  const resolved = doc.resolve(["votes"]);
  if (resolved.type === "all") resolved.values satisfies Value[];
  doc.vector("embedding") satisfies Float32Array | undefined;
  doc.fold([doc.version()]);

  await initTools();
  decide("jump", { key: "room 7", buckets: 10 }) satisfies Value;
  new Ring(["a", { name: "b", weight: 200 }]).node("room 7") satisfies string | undefined;
  new QuorumTracker(["a", { id: "b", region: "eu" }], "quorum").ack("a") satisfies boolean;
  new Topology({ eu: ["x"] }, [{ name: "a", region: "eu", zone: "x" }]).shardMap({ shards: 4 }) satisfies string[][];
  compareClocks({}, {}) satisfies "before" | "after" | "equal" | "concurrent";

  const session = new ReconcileSession(doc, { resume: 3 });
  session.handle(session.open()) satisfies Uint8Array | undefined;
  if (session.isDone) session.outcome.findings[0]?.action satisfies "kept" | "taken" | "dropped" | "refused" | undefined;
  doc.prune(doc.version()) satisfies number;
  for (const output of new Coordinator("c", { log: [bytes] }).begin(newTx(), { room: bytes }, 0)) {
    if (output.type === "finished" && output.outcome === "refused") output.reason satisfies string;
    else if (output.type === "send") [output.to satisfies string, output.says satisfies "prepare" | "commit" | "abort"];
    else if (output.type === "idle") output.until satisfies number | null;
  }
  for (const output of new Participant("room").message(bytes, 0)) if (output.type === "apply") output.payload satisfies Uint8Array;
  new RetirementDriver([1], 5, 0).handle({ type: "settled", from: 1, horizon: 5 }, 0)[0]?.type satisfies string | undefined;
  // @ts-expect-error: a coordinator applies nothing
  new Coordinator("c").applied("x", 0);
  // @ts-expect-error: a room is not told how to begin
  new Participant("room").handle({ type: "begin", tx: "x", parts: {} }, 0);

  const returned: number = doc.transact(() => 5, { origin: "test" });
  returned satisfies number;

  const stop = doc.subscribe(["a"], (event: ChangeEvent) => event.splices?.[0]?.insert satisfies string | undefined);
  doc.subscribe((event) => event.origin.type satisfies "local" | "import" | "link");
  stop();
  doc.import(doc.export({ from: doc.version() })).applied satisfies number;

  doc.subscribe(["a"], () => undefined, { exact: true, kinds: ["text"], from: "remote", by: doc.replica, onLagged: (missed) => missed satisfies number });
  doc.subscribe((event) => {
    if (event.kind === "text") event.splices satisfies Splice[];
    else if (event.kind === "flag") event.new satisfies boolean | undefined;
    else if (event.kind === "counter") event.old satisfies number | bigint | undefined;
    else event.new satisfies Value | undefined;
  });
  const stream: ChangeStream = doc.stream(["a"], { capacity: 10, kinds: ["list", "set"] });
  for await (const event of stream) {
    if (event.type === "lagged") event.missed satisfies number;
    else event.change.path satisfies string[];
    doc.changesSince(stream.token).changes[0]?.kind satisfies ContainerKind | undefined;
  }
  const caughtUp: CatchUp = stream.resync();
  caughtUp.removed satisfies string[][];
  doc.diff(doc.checkpoint())[0]?.splices satisfies Splice[] | undefined;
  const history: UndoManager = doc.undoManager({ depth: 10, mergeMs: 0, origins: ["typing"] });
  history.undo()?.acked({ level: "durable" }) satisfies Promise<void> | undefined;
  history.canRedo satisfies boolean;
  text.insert(0, "b", { bold: true, size: 12, font: null });
  text.format(0, 1, { bold: null }).seq satisfies number;
  text.runs()[0]?.attributes satisfies Attributes | undefined;
  text.cursorIndex(text.cursor(0, "before")) satisfies number | undefined;
  doc.importJSON(["a"], doc.exportJSON() ?? "{}").seq satisfies number;
  doc.importCBOR([], bytes);
  doc.memory().total satisfies number;

  const off: () => void = doc.onConflict(["price"], ({ siblings, resolution }) => {
    siblings[0]?.source satisfies string | undefined;
    if (resolution instanceof SynclineError) resolution.code satisfies string;
    else if (resolution.type === "value") resolution.value satisfies Value;
  });
  off();
  doc.registerResolver("first", (siblings) => siblings.findIndex((sibling) => sibling.at > 0));
  doc.register("price").siblingsWithOrigin()[0]?.seq satisfies number | undefined;
  const connection: Connection = connect("ws://127.0.0.1:7171", { room: "board", doc, presence: { name: "Ada" } });
  connection.on("status", (status: ConnectionStatus) => status.retryAt satisfies number | undefined);
  connection.on("presence", (changes) => changes[0]?.client satisfies string | undefined);
  connection.on("error", (error) => error.temporary satisfies boolean);
  connection.on("renewed", ({ from, taken, to }) => [from satisfies string, taken satisfies number, to satisfies string]);
  connection.on("ack", ({ level, seq }) => [level satisfies "accepted" | "stored" | "durable", seq satisfies number]);
  connection.presence satisfies ReadonlyMap<string, Value>;
  const token: TokenSource = async () => (Math.random() < 0.5 ? "fresh" : undefined);
  connect("ws://127.0.0.1:7171", { room: "board", doc, token }).renew("fresh") satisfies void;
  connect("ws://127.0.0.1:7171", { room: "board", doc, token: "fixed" });
  const store: Persistence = await persist(doc, { name: "board", onError: (error: SynclineError) => error.code satisfies string });
  await store.flushed();
  {
    using scoped = new Doc();
    scoped.map().set("a", 1);
  }

  // @ts-expect-error: there is no such kind of set
  doc.setOf("add-only", "x");
  // @ts-expect-error: there is no such source
  doc.stream([], { from: "moon" });
  // @ts-expect-error: only a text has splices
  doc.subscribe((event) => event.kind === "set" && event.splices.length);
  // @ts-expect-error: attributes are scalars
  text.format(0, 1, { a: [1] });
  // @ts-expect-error: a cursor has two sides
  text.cursor(0, "left");
  // @ts-expect-error: there is no such kind of flag
  doc.flag("x", { wins: "both" });
  // @ts-expect-error: there is no such policy
  doc.setPolicy(["x"], "first-writer-wins");
  // @ts-expect-error: a resolver returns an index
  doc.registerResolver("first", (siblings) => siblings[0]);
  // @ts-expect-error: functions are no values
  map.set("key", () => 1);
  // @ts-expect-error: undefined is no value
  map.set("key", undefined);
  // @ts-expect-error: there is no such level
  await write.acked({ level: "quorum" });
  // @ts-expect-error: there is no such event
  connection.on("weather", () => undefined);
  // @ts-expect-error: a token is a string
  connection.renew(5);
  // @ts-expect-error: a connection needs a room
  connect("ws://127.0.0.1", { doc });
  // @ts-expect-error: what is inside stays inside
  doc.engine;
}
