/** The three writers of the kill test, and what their logs say. */

import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Child, run } from "./process.mjs";
import { ROOT, TARGET, python } from "./tools.mjs";
import { step } from "./wait.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Builds the Rust writer; its dependencies are those of the relay, so this takes long only once. */
export async function buildRustWriter() {
  const cargo = process.env.CARGO ?? "cargo";
  const args = ["build", "--locked", "--quiet", "--package", "syncline-writer"];
  await step("building the Rust writer", () => run(cargo, args, { cwd: ROOT, env: { CARGO_TARGET_DIR: TARGET }, seconds: 900 }));
  return resolve(TARGET, "debug/syncline-writer");
}

/** A writer process and its log. */
export class Writer {
  /** Own sequence numbers with the number of the change that was written under them. */
  #written = [];
  /** Every change up to this own sequence number was acknowledged as durable. */
  durable = 0;
  #read = 0;
  #rest = "";

  constructor(name, command, args, url, room, folder) {
    this.name = name;
    this.logFile = join(folder, `${name}.log`);
    this.child = new Child(`the writer ${name}`, command, [...args, url, room, this.logFile, name]);
  }

  static node(...where) {
    return new Writer("node", process.execPath, [file("../clients/writer.mjs")], ...where);
  }

  static python(...where) {
    return new Writer("python", python(), [file("../clients/writer.py")], ...where);
  }

  static rust(binary, ...where) {
    return new Writer("rust", binary, [], ...where);
  }

  /** Numbers of the changes that were written, as far as the log was read. */
  get written() {
    return this.#written.map(([, number]) => number);
  }

  /** Numbers of the changes that the relay had acknowledged as durable, as far as the log was read. */
  get safe() {
    return this.#written.filter(([seq]) => seq <= this.durable).map(([, number]) => number);
  }

  /** Reads what was added to the log. */
  readLog() {
    for (const line of this.#newLines()) {
      const [what, one, two] = line.split(" ");
      if (what === "w") this.#written.push([Number(one), Number(two)]);
      else if (what === "a") this.durable = Math.max(this.durable, Number(two));
      else throw new Error(`the log of ${this.name} has a line that is none of its own: ${line}`);
    }
  }

  async ask(command) {
    this.child.send(command);
    return JSON.parse(await this.child.line());
  }

  #newLines() {
    if (!existsSync(this.logFile)) return [];
    const length = statSync(this.logFile).size - this.#read;
    const bytes = Buffer.alloc(length);
    const log = openSync(this.logFile, "r");
    const read = readSync(log, bytes, 0, length, this.#read);
    closeSync(log);
    this.#read += read;
    const lines = (this.#rest + bytes.subarray(0, read).toString("utf8")).split("\n");
    this.#rest = lines.pop();
    return lines;
  }
}

/**
 * Says what of the changes in `expected` (a list of numbers per writer) is not in `view`, the plain values of a document.
 *
 * Of the changes to a counter it can only be counted how many are missing.
 */
export function missing(view, expected) {
  const members = new Set(view.members ?? []);
  const story = new Set((view.story ?? "").match(/\[\w+:\d+\]/g) ?? []);
  const lost = [];
  for (const [name, numbers] of Object.entries(expected)) {
    const has = [
      (n) => view.log?.[name]?.[n] === n,
      (n) => members.has(`${name}:${n}`),
      () => true,
      (n) => story.has(`[${name}:${n}]`),
    ];
    lost.push(...numbers.filter((n) => !has[n % 4](n)).map((n) => `${name}:${n}`));
    const increments = numbers.filter((n) => n % 4 === 2).length - (view.counts?.[name] ?? 0);
    for (let at = 0; at < increments; at++) lost.push(`${name}: an increment`);
  }
  return lost;
}
