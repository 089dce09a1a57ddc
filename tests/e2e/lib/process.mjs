/** Child processes: their lines, their end, and that none outlives its test. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { cleanEnvironment } from "./tools.mjs";
import { within } from "./wait.mjs";

/** Most characters of a child's error output that are kept for a report. */
const ERROR_CHARS = 20_000;

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A child process whose output is read line by line. */
export class Child {
  #process;
  #lines = [];
  #waiting = [];
  #name;
  /** What it wrote to its error output, the latest part. */
  errors = "";
  /** Resolves with its exit code, or the signal that ended it. */
  ended;

  constructor(name, command, args, { env = {}, cwd } = {}) {
    this.#name = name;
    const child = spawn(command, args, { cwd, env: { ...cleanEnvironment(), ...env }, stdio: "pipe" });
    this.#process = child;
    running.add(child);
    child.stdin.on("error", () => undefined);
    child.stderr.setEncoding("utf8").on("data", (text) => (this.errors = (this.errors + text).slice(-ERROR_CHARS)));
    createInterface({ input: child.stdout }).on("line", (line) => this.#take(line));
    this.ended = new Promise((resolve) => {
      child.on("error", (error) => {
        this.errors += String(error);
        resolve("error");
      });
      child.on("close", (code, signal) => resolve(code ?? signal));
    }).then((how) => {
      running.delete(child);
      for (const waiter of this.#waiting.splice(0)) waiter.reject(this.#gone(how));
      return how;
    });
  }

  get pid() {
    return this.#process.pid;
  }

  get isRunning() {
    return running.has(this.#process);
  }

  /** Writes a line to its standard input. */
  send(line) {
    this.#process.stdin.write(`${line}\n`);
  }

  /** The next line of its output that was not taken yet. */
  line() {
    if (this.#lines.length > 0) return Promise.resolve(this.#lines.shift());
    if (!this.isRunning) return Promise.reject(this.#gone("already"));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Sends a signal and waits for the end. */
  async stop(signal = "SIGTERM", seconds = 20) {
    if (this.isRunning) this.#process.kill(signal);
    return within(seconds, `the end of ${this.#name}`, this.ended);
  }

  #take(line) {
    const waiter = this.#waiting.shift();
    if (waiter) waiter.resolve(line);
    else this.#lines.push(line);
  }

  #gone(how) {
    return new Error(`${this.#name} has ended (${how}):\n${this.errors}`);
  }
}

/** Runs a command to its end and returns its standard output; any exit code but 0 is an error that shows what it said. */
export function run(command, args, { env = {}, cwd, input, seconds = 120 } = {}) {
  const child = spawn(command, args, { cwd, env: { ...cleanEnvironment(), ...env }, stdio: ["pipe", "pipe", "pipe"] });
  running.add(child);
  const output = [];
  const errors = [];
  child.stdout.on("data", (bytes) => output.push(bytes));
  child.stderr.on("data", (bytes) => errors.push(bytes));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const done = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      running.delete(child);
      if (code === 0) return resolve(Buffer.concat(output).toString("utf8"));
      const said = Buffer.concat(errors).toString("utf8").slice(-ERROR_CHARS);
      reject(new Error(`${command} ${args.join(" ")} ended with ${code ?? signal}:\n${said}`));
    });
  });
  return within(seconds, `${command} ${args[0] ?? ""}`, done).catch((error) => {
    child.kill("SIGKILL");
    throw error;
  });
}
