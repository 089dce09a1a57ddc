/** Where the programs are that the tests drive, and what to do if one is missing. */

import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
export const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");
export const PAGE = resolve(ROOT, "web-demo/dist");
export const PACKAGE = resolve(ROOT, "bindings/js/dist");

/** The relay and command line: `SYNCLINE_BIN`, else the newest build. */
export function relayBinary() {
  return find("the relay", "SYNCLINE_BIN", ["release/syncline", "debug/syncline"], "cargo build --package syncline-server");
}

/** A Python with the package `syncline`: `SYNCLINE_VENV_PYTHON`, else that of the virtual environment in target/. */
export function python() {
  return find("Python with the package syncline", "SYNCLINE_VENV_PYTHON", ["venv/bin/python"], "cargo xtask build-python");
}

/** A Chromium: `SYNCLINE_CHROMIUM`, else that of the system. */
export function chromium() {
  const mend = "apt-get install -y --no-install-recommends chromium";
  return find("Chromium", "SYNCLINE_CHROMIUM", ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"], mend);
}

/** The built board. */
export function boardPage() {
  return demand(PAGE, "index.html", "the built page", "cargo xtask test --only page");
}

/** The built npm package. */
export function npmPackage() {
  return demand(PACKAGE, "index.js", "the npm package", "cargo xtask build-js");
}

/** The environment without settings for a relay that the caller's shell may hold; unknown ones keep it from starting. */
export function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("SYNCLINE_")));
}

function find(what, variable, places, mend) {
  const named = process.env[variable];
  if (named) {
    if (existsSync(named)) return resolve(named);
    throw new Error(`${variable} names ${named}, which does not exist: name ${what} by it, or unset it`);
  }
  const found = places.map((place) => resolve(TARGET, place)).filter((path) => existsSync(path));
  if (found.length === 0) throw new Error(`${what} is missing: run \`${mend}\`, or name it by ${variable}`);
  return found.sort((one, two) => statSync(two).mtimeMs - statSync(one).mtimeMs)[0];
}

function demand(folder, file, what, mend) {
  if (existsSync(resolve(folder, file))) return folder;
  throw new Error(`${what} is missing in ${folder}: run \`${mend}\``);
}
