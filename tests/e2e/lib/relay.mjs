/** A real relay process with its data in a temporary folder, and the command line against it. */

import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child, run } from "./process.mjs";
import { relayBinary } from "./tools.mjs";
import { until } from "./wait.mjs";

/** A port of the loopback interface that nobody listens on. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A temporary folder, removed at the end of the process. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), "syncline-e2e-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export class Relay {
  folder = temporaryFolder();
  port;
  #settings;
  #mode;
  #child;

  constructor(settings, mode) {
    this.#settings = settings;
    this.#mode = mode;
  }

  /**
   * Starts a relay that is ready. It keeps its port, its data and its settings (as environment) over restarts.
   * Without the mode `--dev` it asks for tokens.
   */
  static async start(settings = {}, mode = ["--dev"]) {
    const relay = new Relay(settings, mode);
    relay.port = await freePort();
    await relay.start();
    return relay;
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/sync`;
  }

  get data() {
    return join(this.folder, "data");
  }

  /** Exchanges its folder for the copy made the last time, as if the disk had lost what came after it. */
  forgetLatest() {
    const [older, newer] = [`${this.data}.older`, `${this.data}.newer`];
    cpSync(this.data, newer, { recursive: true });
    if (existsSync(older)) {
      rmSync(this.data, { recursive: true });
      cpSync(older, this.data, { recursive: true });
      rmSync(older, { recursive: true });
    }
    cpSync(newer, older, { recursive: true });
    rmSync(newer, { recursive: true });
  }

  /** Bytes of its data on disk. */
  size() {
    return readdirSync(this.data).reduce((sum, name) => sum + statSync(join(this.data, name)).size, 0);
  }

  /** Bytes of memory that the process holds (Linux). */
  memory() {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024;
  }

  /** What it logged since its last start. */
  get log() {
    return this.#child.errors;
  }

  /** Starts the process and waits until it is ready. On another port, clients do not reach it. */
  async start({ port = this.port } = {}) {
    const args = ["serve", ...this.#mode, "--listen", `127.0.0.1:${port}`, "--data", this.data];
    const child = new Child("the relay", relayBinary(), args, { env: this.#settings });
    this.#child = child;
    let gone = false;
    child.ended.then(() => (gone = true));
    const ready = async () => gone || (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    await until("the relay's readiness", ready, { every: 5 });
    if (gone) throw new Error(`the relay does not start:\n${child.errors}`);
  }

  /** Ends the process without a warning, as a crash does. */
  async kill() {
    await this.#child.stop("SIGKILL");
  }

  /** Ends the process in order. */
  async stop() {
    if (this.#child.isRunning) await this.#child.stop("SIGTERM");
  }

  /** Runs a command such as `get` or `import` against a room and returns what it printed. */
  command(name, room, ...args) {
    const env = { SYNCLINE_URL: this.url, SYNCLINE_ROOM: room, SYNCLINE_TIMEOUT: "120" };
    return run(relayBinary(), [name, ...args], { env, seconds: 300 });
  }
}
