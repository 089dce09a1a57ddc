import { SynclineError } from "./errors.js";
import { decodePath } from "./path.js";
import { resolution, type RawResolution, type Resolution } from "./policy.js";
import type { Value } from "./value.js";

/** One of several values that were written concurrently. */
export interface Sibling {
  readonly value: Value;
  /** Who wrote it: 32 hex digits. */
  readonly replica: string;
  /** The number of the write among those of that replica. */
  readonly seq: number;
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** What that replica has named as its source, see {@link Doc.setSource}. */
  readonly source?: string;
}

/**
 * A register that came to hold several concurrent values.
 *
 * ```ts
 * doc.onConflict(({ path, siblings, resolution }) => {
 *   if (resolution instanceof SynclineError) console.warn(path, resolution.code);
 *   else review(path, siblings.map((sibling) => sibling.value));
 * });
 * ```
 */
export interface Conflict {
  /** Where. */
  readonly path: string[];
  /** The values, the last writer's first. */
  readonly siblings: Sibling[];
  /** What the policy of the path makes of them, or why it cannot be applied. */
  readonly resolution: Resolution | SynclineError;
}

/** Is called when a register has come to hold several concurrent values. */
export type ConflictListener = (conflict: Conflict) => void;

/** Picks one of several values by its index; the last writer's stands first. */
export type Resolver = (siblings: Sibling[]) => number;

const SIBLING_FIELDS = 5;

/**
 * Path, siblings, and the resolution or an error.
 * @internal
 */
export type RawConflict = [path: string, siblings: unknown[], resolution: RawResolution | SynclineError];

/**
 * Makes the conflict that WASM told of.
 * @internal
 */
export function conflict([path, flat, found]: RawConflict): Conflict {
  const result = found instanceof SynclineError ? found : resolution(found);
  return { path: decodePath(path), siblings: siblings(flat), resolution: result };
}

/**
 * Makes all siblings of a flat list.
 * @internal
 */
export function siblings(flat: unknown[]): Sibling[] {
  const made: Sibling[] = [];
  for (let at = 0; at < flat.length; at += SIBLING_FIELDS) {
    const source = flat[at + 4] as string | undefined;
    made.push({
      value: flat[at] as Value,
      replica: flat[at + 1] as string,
      seq: flat[at + 2] as number,
      at: flat[at + 3] as number,
      ...(source === undefined ? undefined : { source }),
    });
  }
  return made;
}
