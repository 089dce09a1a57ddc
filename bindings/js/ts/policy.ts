import type { Value } from "./value.js";

/**
 * How the concurrent values of a register are resolved when it is read.
 *
 * - `"last-writer-wins"`: the later one counts; what holds where nothing is set.
 * - `"keep-all"`: all count, the last writer's first.
 * - `"insert-wins"`: a value wins over a concurrent deletion, whatever their times.
 * - `"remove-wins"`: a deletion wins over concurrent values.
 * - `{ sourcePriority }`: that of the writer whose source (see {@link Doc.setSource}) stands first in the list.
 * - `{ custom }`: the one that a function of this name picks, see {@link Doc.registerResolver}. Where there is none, or it
 *   fails, the last writer's is shown, and {@link Doc.resolve} throws `"no-resolver"` or `"resolver-choice"`.
 */
export type Policy =
  | "last-writer-wins"
  | "keep-all"
  | "insert-wins"
  | "remove-wins"
  | { readonly sourcePriority: readonly string[] }
  | { readonly custom: string };

/** What a {@link Policy} makes of the values of a register. */
export type Resolution =
  | { readonly type: "absent" }
  | { readonly type: "value"; readonly value: Value }
  | { readonly type: "all"; readonly values: Value[] };

/**
 * Returns a policy as documents hold it: its name, then what belongs to it.
 * @internal
 */
export function policyToList(policy: Policy): string[] {
  if (typeof policy === "string") return [policy];
  return "custom" in policy ? ["custom", policy.custom] : ["source-priority", ...policy.sourcePriority];
}

/**
 * Reads what {@link policyToList} made.
 * @internal
 */
export function policyFromList([name, ...rest]: string[]): Policy {
  if (name === "custom") return { custom: rest[0] ?? "" };
  return name === "source-priority" ? { sourcePriority: rest } : (name as Policy);
}

/**
 * What WASM returns: nothing, the one value, or nothing and all values.
 * @internal
 */
export type RawResolution = [] | [Value] | [undefined, Value[]];

/**
 * Names what WASM returned.
 * @internal
 */
export function resolution(found: RawResolution): Resolution {
  if (found.length === 0) return { type: "absent" };
  return found.length === 1 ? { type: "value", value: found[0] } : { type: "all", values: found[1] };
}
