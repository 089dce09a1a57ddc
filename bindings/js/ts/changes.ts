/**
 * Changes cross from WASM as flat lists; here objects are made of them, for those who listen.
 * @module
 */
import type { Attributes, CatchUp, ChangeEvent, ChangeFilter, ChangeOrigin, ContainerKind, NetChange, Splice } from "./events.js";
import { SynclineError } from "./errors.js";
import { decodePath } from "./path.js";
import type { Value } from "./value.js";

/**
 * Fields of one change in a flat list of changes.
 * @internal
 */
export const CHANGE_FIELDS = 8;
/** Fields of one net change in a flat list of them; the same as the first of a change. */
const NET_FIELDS = 5;
const SPLICE_FIELDS = 5;
const KINDS: readonly ContainerKind[] = ["register", "set", "counter", "text", "map", "flag", "list", "bounded"];
const ORIGINS: readonly ChangeOrigin["type"][] = ["local", "import", "link"];

/**
 * Makes the event whose fields begin at `at`.
 * @internal
 */
export function changeEvent(flat: unknown[], at: number): ChangeEvent {
  const type = ORIGINS[flat[at + 6] as number] ?? "local";
  const name = flat[at + 7] as string | undefined;
  // The core gives each kind the fields that its type has.
  return {
    ...difference(flat, at),
    by: flat[at + 5] as string,
    origin: name === undefined ? { type } : { type, name },
  } as object as ChangeEvent;
}

/**
 * Makes all net changes of a flat list.
 * @internal
 */
export function netChanges(flat: unknown[]): NetChange[] {
  const changes: NetChange[] = [];
  for (let at = 0; at < flat.length; at += NET_FIELDS) changes.push(difference(flat, at));
  return changes;
}

/**
 * Makes what is needed to go on from an older version.
 * @internal
 */
export function catchUp(raw: unknown): CatchUp {
  const [version, removed, changes, complete] = raw as [Uint8Array, string[], unknown[], boolean];
  return { version, removed: removed.map(decodePath), changes: netChanges(changes), complete };
}

/**
 * Makes the marks of a part of a text.
 * @internal
 */
export function attributes(raw: unknown): Attributes {
  return (raw ?? {}) as Attributes;
}

/**
 * Returns the numbers of kinds; throws if there is no such kind.
 * @internal
 */
export function kindNumbers(kinds: readonly ContainerKind[]): number[] {
  return kinds.map((kind) => {
    const number = KINDS.indexOf(kind);
    if (number < 0) throw new SynclineError("invalid-option", `a kind is one of ${KINDS.join(", ")}, not ${String(kind)}`);
    return number;
  });
}

/**
 * Makes a test of flat changes for one who subscribed to `path` (encoded), which is known to lie at or above them.
 * @internal
 */
export function filter(path: string, { exact, kinds, from, by }: ChangeFilter): ((flat: unknown[], at: number) => boolean) | undefined {
  const numbers = kinds && kindNumbers(kinds);
  sourceNumber(from);
  if (!exact && !numbers && !from && by === undefined) return undefined;
  return (flat, at) =>
    (!exact || flat[at] === path) &&
    (!numbers || numbers.includes(flat[at + 1] as number)) &&
    (!from || (flat[at + 6] === 0) === (from === "local")) &&
    (by === undefined || flat[at + 5] === by);
}

/**
 * Returns the number of where changes must come from.
 * @internal
 */
export function sourceNumber(from: ChangeFilter["from"]): number {
  const number = [undefined, "local", "remote"].indexOf(from);
  if (number < 0) throw new SynclineError("invalid-option", `from is "local" or "remote", not ${String(from)}`);
  return number;
}

/** Makes what a change and a net change have in common. */
function difference(flat: unknown[], at: number): NetChange {
  const old = flat[at + 2] as Value | undefined;
  const value = flat[at + 3] as Value | undefined;
  const splices = flat[at + 4] as unknown[] | undefined;
  return {
    path: decodePath(flat[at] as string),
    kind: KINDS[flat[at + 1] as number] ?? "register",
    ...(old === undefined ? undefined : { old }),
    ...(value === undefined ? undefined : { new: value }),
    ...(splices === undefined ? undefined : { splices: unflatten(splices) }),
  };
}

function unflatten(flat: unknown[]): Splice[] {
  const splices: Splice[] = [];
  for (let at = 0; at < flat.length; at += SPLICE_FIELDS) {
    const retain = flat[at + 3] as number;
    const marks = flat[at + 4];
    splices.push({
      index: flat[at] as number,
      delete: flat[at + 1] as number,
      insert: flat[at + 2] as string,
      ...(retain === 0 ? undefined : { retain }),
      ...(marks === undefined ? undefined : { attributes: attributes(marks) }),
    });
  }
  return splices;
}
