/** A Python client in a process of its own, to be told what to do. */

import { fileURLToPath } from "node:url";
import { Child } from "./process.mjs";
import { python } from "./tools.mjs";

const SCRIPT = fileURLToPath(new URL("../clients/actor.py", import.meta.url));

export class PythonActor {
  #child = new Child("the Python client", python(), [SCRIPT], { env: { PYTHONUTF8: "1" } });

  /** Opens a room from a new process and waits until all of it is there. */
  static async open(url, room) {
    const actor = new PythonActor();
    await actor.ask("open", url, room);
    return actor;
  }

  /** Calls a method of the class `Actor` in clients/actor.py. */
  async ask(command, ...args) {
    this.#child.send(JSON.stringify([command, ...args]));
    return JSON.parse(await this.#child.line());
  }

  close() {
    return this.#child.stop();
  }
}
