import { SynclineError } from "./errors.js";

/**
 * Refuses as an index or a length what WASM would silently round or wrap.
 * @internal
 */
export function position(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return value;
  throw new SynclineError("out-of-range", `a position or length must be an integer from 0, not ${String(value)}`);
}

/**
 * Refuses what is no amount.
 * @internal
 */
export function amount(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new SynclineError("invalid-value", `an amount must be a safe integer from 0, not ${String(value)}`);
}
