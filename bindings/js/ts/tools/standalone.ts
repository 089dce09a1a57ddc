import type { Value } from "../value.js";
import { decide } from "./decide.js";

/** What has been seen: of each replica (32 hex digits) the number of its last event. */
export interface Clock {
  readonly [replica: string]: number;
}

/** The types that merge without a document, by the name of their history. */
export type StandaloneType =
  | "vector_clock"
  | "g_counter"
  | "pn_counter"
  | "lww_register"
  | "lww_set"
  | "lww_map"
  | "mv_register"
  | "g_set"
  | "two_phase_set"
  | "or_set"
  | "rw_set"
  | "ew_flag"
  | "dw_flag"
  | "or_map";

/** Tells what happened before what. */
export function compareClocks(left: Clock, right: Clock): "before" | "after" | "equal" | "concurrent" {
  return decide("vector_clock.compare", { left: { ...left }, right: { ...right } }) as ReturnType<typeof compareClocks>;
}

/** Returns what either has seen. */
export function mergeClocks(left: Clock, right: Clock): Clock {
  return decide("vector_clock.merge", { left: { ...left }, right: { ...right } }) as Clock;
}

/**
 * Plays the steps of several replicas on a type; returns of each replica its value and its encoded bytes in hex.
 *
 * `replicas` maps names to ids. A step is `{ on, op, ... }`; see `standalone::decide` of the Rust crate for the operations.
 */
export function play(
  type: StandaloneType,
  replicas: { readonly [name: string]: string },
  steps: { readonly [name: string]: Value }[],
): { [name: string]: { value: Value; bytes: string } } {
  const answer = decide(type, { replicas: { ...replicas }, steps: steps.map((step) => ({ ...step })) });
  return answer as { [name: string]: { value: Value; bytes: string } };
}
