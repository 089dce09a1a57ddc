// Finds the vector files and the built package; for Node only.

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The folder of the npm package, built beforehand by `cargo xtask` or `npm run build`. */
export const packageFolder = new URL("../../bindings/js/", import.meta.url);

/** Loads every vector; with `--corrupt` (or SYNCLINE_CORRUPT=1) one expected byte of the first is changed. */
export async function loadVectors(corruptOne = wantsCorruption()) {
  const vectors = load("../vectors/").flatMap((file) => file.vectors);
  if (corruptOne) (await import("./vector.mjs")).corrupt(vectors[0]);
  return vectors;
}

/** Loads every decision of the tables; with `--corrupt-decision` what the first expects is changed. */
export async function loadDecisions(corruptOne = wantsCorruptDecision()) {
  const tests = load("../vectors/decisions/").flatMap((file) => file.cases);
  if (corruptOne) (await import("./decision.mjs")).flip(tests[0]);
  return tests;
}

/** Loads the recorded conversations: files with `now` and `cases`. */
export function loadLinks() {
  return load("../vectors/links/");
}

function load(folder) {
  const at = new URL(folder, import.meta.url);
  const names = readdirSync(at).filter((name) => name.endsWith(".json")).sort();
  return names.map((name) => JSON.parse(readFileSync(new URL(name, at), "utf8")));
}

/** Whether this run shall fail for a decision, to prove that it can. */
export function wantsCorruptDecision() {
  return process.argv.includes("--corrupt-decision") || process.env.SYNCLINE_CORRUPT === "decision";
}

/** Whether this run shall fail, to prove that it can. */
export function wantsCorruption() {
  return process.argv.includes("--corrupt") || process.env.SYNCLINE_CORRUPT === "1";
}

/** The path of a file beside this one. */
export function here(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}
