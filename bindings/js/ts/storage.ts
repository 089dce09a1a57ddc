import { type Doc, engineOf } from "./doc.js";
import type { Engine } from "./engine.js";
import { SynclineError } from "./errors.js";
import { Journal, type Entry } from "./journal.js";
import { report } from "./report.js";

/** Options of {@link persist}. */
export interface PersistOptions {
  /** The name of the document in the browser. Tabs of one origin that use the same name share what is stored. */
  name: string;
  /** The database; that of the platform when not said. */
  indexedDB?: IDBFactory;
  /** Is told of failures in the background, such as a full disk; they become uncaught exceptions when not said. */
  onError?: (error: SynclineError) => void;
}

/** Entries appended before the store is made compact again. */
const COMPACT_ENTRIES = 500;
/** Bytes appended before that, if the compact store is smaller than this; otherwise its size counts. */
const COMPACT_BYTES = 256 * 1024;
/** Entries found at the start from which on it is worth writing them anew. */
const COMPACT_AT_START = 32;
/** Bytes that wait for the disk before they are given up for one snapshot of the whole document. */
const MAX_QUEUED = 16 * 1024 * 1024;

/**
 * Loads a document from IndexedDB, and from then on stores every change, of this and of other replicas.
 *
 * What the document held before is kept and stored as well. Several tabs may persist documents under one name.
 *
 * ```ts
 * const doc = new Doc();
 * const store = await persist(doc, { name: "board" });
 * doc.map().set("title", "Plan");
 * await store.flushed(); // survives closing the tab, online or not
 * ```
 *
 * Rejects with a {@link SynclineError}: `"no-indexeddb"`, `"store-failed"`, `"store-corrupt"`, `"already-persisted"`.
 */
export async function persist(doc: Doc, options: PersistOptions): Promise<Persistence> {
  const engine = engineOf(doc);
  const factory = options.indexedDB ?? globalThis.indexedDB;
  if (!factory) {
    throw new SynclineError("no-indexeddb", "this platform has no IndexedDB: store doc.save() in a file or a database of your own");
  }
  if (engine.journal) throw alreadyPersisted();
  // Takes the place at once, so that a second call fails although this one is still loading.
  engine.journal = () => undefined;
  const giveUp = (): void => {
    engine.journal = undefined;
  };
  let journal: Journal | undefined;
  try {
    journal = await Journal.open(factory, `syncline:${options.name}`);
    const persistence = new Persistence(engine, journal, options.onError ?? report);
    await persistence.load();
    return persistence;
  } catch (error) {
    journal?.close();
    giveUp();
    throw error;
  }
}

/** A document's store in the browser; made by {@link persist}. */
export class Persistence {
  readonly #engine: Engine;
  readonly #journal: Journal;
  readonly #onError: (error: SynclineError) => void;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** The whole document has to be written, because changes could not be. */
  #snapshotDue = false;
  #writing: Promise<void> | undefined;
  #entries = 0;
  #bytes = 0;
  #snapshotBytes = 0;
  #forget: () => void = () => undefined;
  #closing: Promise<void> | undefined;
  /** While all entries are to be replaced. */
  #restoring: Promise<void> | undefined;

  /** @internal */
  constructor(engine: Engine, journal: Journal, onError: (error: SynclineError) => void) {
    this.#engine = engine;
    this.#journal = journal;
    this.#onError = onError;
  }

  /** Reads the store into the document and begins to store. @internal */
  async load(): Promise<void> {
    await this.#journal.rewrite((entries) => {
      const engine = this.#engine;
      this.#snapshotDue = engine.raw.version_entries().length > 0;
      this.#read(entries);
      engine.raw.journaling(true);
      engine.journal = (_, payload) => this.#store(payload as Uint8Array);
      engine.restore = () => this.#rewrite();
      return entries.length >= COMPACT_AT_START ? this.#snapshot() : undefined;
    });
    this.#forget = this.#engine.onFree(() => void (this.#closing ??= this.#finish()));
    if (this.#snapshotDue) this.#write();
  }

  /**
   * Resolves when everything written so far is on disk.
   *
   * Rejects with a {@link SynclineError}, e.g. `"quota-exceeded"`; the changes are kept and the next call tries again.
   */
  flushed(): Promise<void> {
    if (this.#closing) return this.#closing;
    this.#engine.pump();
    return this.#write();
  }

  /** Stores what is left and stops storing. The document stays usable, and can be persisted again. */
  close(): Promise<void> {
    this.#closing ??= this.#restoring ? this.#restoring.then(() => this.#finish()) : this.#finish();
    return this.#closing;
  }

  #finish(): Promise<void> {
    const engine = this.#engine;
    this.#forget();
    engine.pump();
    if (!engine.freed) {
      engine.raw.journaling(false);
      if (this.#snapshotDue) this.#queue = [engine.raw.save()];
    }
    engine.journal = undefined;
    engine.restore = undefined;
    this.#snapshotDue = false;
    const done = this.#write().finally(() => this.#journal.close());
    // Whoever does not wait for the end has been told by the error callback.
    done.catch(() => undefined);
    return done;
  }

  #store(bytes: Uint8Array): void {
    this.#enqueue(bytes);
    this.#write().catch(() => undefined);
  }

  /** Puts the whole document in the place of all entries: what is mended does not follow from those before. */
  #rewrite(): void {
    this.#owe();
    const done = (): void => void (this.#restoring = undefined);
    this.#restoring = this.#write().then(done, done);
  }

  #enqueue(bytes: Uint8Array): void {
    if (this.#snapshotDue) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > MAX_QUEUED) this.#owe();
  }

  /** Gives up the single changes: the snapshot that comes instead has them all. */
  #owe(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#snapshotDue = !this.#closing;
  }

  #write(): Promise<void> {
    this.#writing ??= this.#drain().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 || this.#snapshotDue) {
      const batch = this.#snapshotDue ? [this.#engine.raw.save()] : this.#queue;
      this.#queue = [];
      this.#queuedBytes = 0;
      this.#snapshotDue = false;
      try {
        await this.#journal.append(batch);
        this.#entries += batch.length;
        for (const blob of batch) this.#bytes += blob.length;
        if (this.#isLong()) await this.#compact();
      } catch (error) {
        this.#owe();
        this.#onError(error as SynclineError);
        throw error;
      }
    }
  }

  #isLong(): boolean {
    if (this.#restoring) return true;
    if (this.#closing) return false;
    return this.#entries >= COMPACT_ENTRIES || this.#bytes >= Math.max(COMPACT_BYTES, this.#snapshotBytes);
  }

  /** Replaces all entries, also those of other tabs, by one; their changes come into this document. */
  #compact(): Promise<void> {
    return this.#journal.rewrite((entries) => {
      if (this.#engine.freed || (this.#closing && !this.#restoring)) return undefined;
      // What other tabs stored need not be stored again, and the snapshot has what waits here to be stored.
      this.#engine.raw.journaling(false);
      try {
        this.#read(entries);
      } finally {
        this.#engine.raw.journaling(true);
      }
      return this.#snapshot();
    });
  }

  #snapshot(): Uint8Array {
    const bytes = this.#engine.raw.save();
    this.#entries = 0;
    this.#bytes = 0;
    this.#snapshotBytes = bytes.length;
    return bytes;
  }

  /** Imports entries in any order that works. */
  #read(entries: Entry[]): void {
    let applied = 0;
    let left = entries;
    while (left.length > 0) {
      const early = left.filter((entry) => {
        const count = this.#import(entry);
        applied += count ?? 0;
        return count === undefined;
      });
      if (early.length === left.length) throw this.#corrupt(early[0] as Entry, "events before it are missing");
      left = early;
    }
    if (applied > 0) this.#engine.announce();
  }

  /** Imports an entry, and returns how much was new; `undefined` if others must come first. */
  #import(entry: Entry): number | undefined {
    try {
      return this.#engine.raw.import(entry.bytes);
    } catch (error) {
      if (error instanceof SynclineError && error.code === "import-gap") return undefined;
      throw this.#corrupt(entry, (error as Error).message, error);
    }
  }

  #corrupt(entry: Entry, reason: string, cause?: unknown): SynclineError {
    const text = `entry ${String(entry.key)} of IndexedDB "${this.#journal.name}" cannot be read (${reason}): connect to the relay, or delete that database`;
    return new SynclineError("store-corrupt", text, { cause });
  }
}

function alreadyPersisted(): SynclineError {
  return new SynclineError("already-persisted", "this Doc is persisted already: close that Persistence first");
}
