// Finds the vector files and the built package; for Node only.

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The folder of the npm package, built beforehand by `cargo xtask` or `npm run build`. */
export const packageFolder = new URL("../../bindings/js/", import.meta.url);

/** Loads every vector; with `--corrupt` (or SYNCLINE_CORRUPT=1) one expected byte of the first is changed. */
export async function loadVectors(corruptOne = wantsCorruption()) {
  const folder = new URL("../vectors/", import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith(".json")).sort();
  const vectors = names.flatMap((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")).vectors);
  if (corruptOne) (await import("./vector.mjs")).corrupt(vectors[0]);
  return vectors;
}

/** Whether this run shall fail, to prove that it can. */
export function wantsCorruption() {
  return process.argv.includes("--corrupt") || process.env.SYNCLINE_CORRUPT === "1";
}

/** The path of a file beside this one. */
export function here(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}
