// Starts the real relay for tests: `cargo build -p syncline-server` makes it, SYNCLINE_RELAY may name another one.
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BINARY = process.env.SYNCLINE_RELAY ?? fileURLToPath(new URL("../../../../target/debug/syncline", import.meta.url));

/** A relay process with a folder of its own. */
export class Relay {
  #process;
  #folder = mkdtempSync(join(tmpdir(), "syncline-"));
  #secret;
  url;

  /** With a secret it asks for tokens that are signed with it, and closes when they end. */
  constructor(secret) {
    this.#secret = secret;
    if (secret) writeFileSync(join(this.#folder, "secret"), secret);
  }

  /** Starts it; after a kill, on the same port and data. */
  async start() {
    if (!existsSync(BINARY)) throw new Error(`no relay at ${BINARY}: run \`cargo build -p syncline-server\`, or set SYNCLINE_RELAY`);
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    const access = this.#secret ? ["--config", this.#config()] : ["--dev"];
    const data = join(this.#folder, "data");
    this.#process = spawn(BINARY, ["serve", ...access, "--listen", listen, "--data", data, "--log-format", "json"]);
    const lines = [];
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      createInterface({ input: stream }).on("line", (line) => lines.push(line));
    }
    const address = /"address":"([0-9.:]+)"/;
    for (let waited = 0; waited < 10_000; waited += 20) {
      const line = lines.find((text) => text.includes("listening"));
      if (line) {
        this.url = `ws://${address.exec(line)[1]}`;
        return this;
      }
      if (this.#process.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the relay did not start:\n${lines.join("\n")}`);
  }

  #config() {
    const file = join(this.#folder, "config.toml");
    writeFileSync(file, `[access]\nsecret_file = ${JSON.stringify(join(this.#folder, "secret"))}\nleeway_seconds = 0\n`);
    return file;
  }

  /** Signs a token for all rooms that ends in some seconds; `claims` are put in place of the usual ones. */
  token(seconds, claims = {}) {
    const encode = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const all = { sub: "ada", exp: Date.now() / 1000 + seconds, rooms: [{ room: "*", access: "write" }], ...claims };
    const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(all)}`;
    return `${signed}.${createHmac("sha256", this.#secret).update(signed).digest("base64url")}`;
  }

  /** Ends it without warning. */
  async kill() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  /** Ends it and removes its data. */
  async remove() {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Waits until `condition` holds. */
export async function until(condition, what) {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > 15_000) throw new Error(`waited in vain: ${what ?? condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
