/** A relay that asks for tokens, and the tokens. */

import { randomBytes } from "node:crypto";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../e2e/lib/process.mjs";
import { Relay, temporaryFolder } from "../../e2e/lib/relay.mjs";
import { relayBinary } from "../../e2e/lib/tools.mjs";

export class Secured {
  #folder = temporaryFolder();
  relay;

  static async start() {
    const self = new Secured();
    writeFileSync(self.#secret, randomBytes(48).toString("base64"));
    writeFileSync(self.#revoked, "# nobody\n");
    const settings = { SYNCLINE_ACCESS__SECRET_FILE: self.#secret, SYNCLINE_ACCESS__REVOKED: self.#revoked };
    self.relay = await Relay.start({ ...settings, SYNCLINE_ACCESS__LEEWAY_SECONDS: "0" }, []);
    return self;
  }

  get #secret() {
    return join(this.#folder, "secret");
  }

  get #revoked() {
    return join(this.#folder, "revoked");
  }

  /** A token for rooms. */
  async token(room, { access = "write", expires = "1h", subject = "ada" } = {}) {
    const args = ["token", "--room", room, "--access", access, "--expires", expires, "--subject", subject];
    return (await run(relayBinary(), [...args, "--secret-file", this.#secret])).trim();
  }

  /** Takes the tokens of a subject back. */
  revoke(subject) {
    appendFileSync(this.#revoked, `sub ${subject}\n`);
  }
}
