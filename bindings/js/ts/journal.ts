import { SynclineError } from "./errors.js";

const STORE = "entries";
const SCHEMA = 1;

/**
 * One stored entry: its number and what is in it.
 * @internal
 */
export interface Entry {
  readonly key: IDBValidKey;
  readonly bytes: Uint8Array;
}

/**
 * A list of numbered blobs in an IndexedDB database of its own; several tabs may share it.
 * @internal
 */
export class Journal {
  readonly #database: IDBDatabase;

  private constructor(database: IDBDatabase) {
    this.#database = database;
    // Another tab wants to delete or upgrade the database: holding on would block it.
    database.onversionchange = () => database.close();
  }

  static open(factory: IDBFactory, name: string): Promise<Journal> {
    return new Promise((resolve, reject) => {
      let request: IDBOpenDBRequest;
      try {
        request = factory.open(name, SCHEMA);
      } catch (error) {
        reject(storeError(error, name));
        return;
      }
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { autoIncrement: true });
      request.onsuccess = () => resolve(new Journal(request.result));
      request.onerror = () => reject(storeError(request.error, name));
    });
  }

  get name(): string {
    return this.#database.name;
  }

  /** Appends entries, all or none; resolves when they are on disk. */
  append(blobs: readonly Uint8Array[]): Promise<void> {
    return this.#run((store) => {
      for (const blob of blobs) store.add(blob);
    });
  }

  /**
   * Hands all entries to `visit`, in order; if that returns bytes, they take the place of all these entries.
   *
   * Everything happens in one transaction, so that an entry which another tab adds is either visited or left alone. If
   * `visit` throws, nothing is changed and the promise rejects with what was thrown.
   */
  rewrite(visit: (entries: Entry[]) => Uint8Array | undefined): Promise<void> {
    return this.#run((store, fail) => {
      const keys = store.getAllKeys();
      const blobs = store.getAll();
      // Requests succeed in the order in which they were made, so the keys are there too.
      blobs.onsuccess = () => {
        try {
          const entries = keys.result.map((key, i) => ({ key, bytes: blobs.result[i] as Uint8Array }));
          const replacement = visit(entries);
          if (!replacement) return;
          store.add(replacement);
          for (const entry of entries) store.delete(entry.key);
        } catch (error) {
          fail(error);
        }
      };
    });
  }

  close(): void {
    this.#database.close();
  }

  #run(work: (store: IDBObjectStore, fail: (error: unknown) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      try {
        const transaction = this.#database.transaction(STORE, "readwrite", { durability: "strict" });
        let failure: unknown;
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(failure ?? storeError(transaction.error, this.name));
        work(transaction.objectStore(STORE), (error) => {
          failure = error;
          transaction.abort();
        });
      } catch (error) {
        reject(storeError(error, this.name));
      }
    });
  }
}

/** Turns what IndexedDB says into an error that tells what to do. */
function storeError(cause: unknown, name: string): SynclineError {
  if (cause instanceof SynclineError) return cause;
  const kind = (cause as { name?: string } | null)?.name;
  if (kind === "QuotaExceededError") {
    const text = `the browser's storage is full, so "${name}" is not saved: free some space; the next write tries again`;
    return new SynclineError("quota-exceeded", text, { cause });
  }
  const detail = (cause as { message?: string } | null)?.message ?? "the transaction was aborted";
  return new SynclineError("store-failed", `IndexedDB "${name}" failed: ${detail}`, { cause });
}
