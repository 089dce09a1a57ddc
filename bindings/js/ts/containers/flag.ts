import type { Engine } from "../engine.js";
import { READ, WRITE, ofKind } from "../raw.js";
import type { Write } from "../write.js";

/** What kind of flag is meant; the two kinds at one path are two flags. */
export interface FlagOptions {
  /** What wins when some enable and others disable at the same time; `"enable"` when not said. */
  readonly wins?: "enable" | "disable";
}

/**
 * Takes the options off the end of a path.
 * @internal
 */
export function splitOptions(args: readonly (string | FlagOptions)[]): [string[], FlagOptions] {
  const last = args.at(-1);
  return typeof last === "object" ? [args.slice(0, -1) as string[], last] : [args as string[], {}];
}

/**
 * A shared truth, with a rule for those who change it at the same time: enabling wins, or disabling does.
 *
 * ```ts
 * doc.flag("tasks", "1", "done").enable();
 * doc.flag("consent", { wins: "disable" }).value; // false once anybody has disabled it
 * ```
 */
export class SyncFlag {
  readonly #engine: Engine;
  readonly #path: string;
  readonly #kind: number;

  /** @internal */
  constructor(engine: Engine, path: string, options: FlagOptions) {
    this.#engine = engine;
    this.#path = path;
    this.#kind = options.wins === "disable" ? 1 : 0;
  }

  /** Whether the flag is enabled; false if it never was. */
  get value(): boolean {
    return this.#engine.raw.read(ofKind(READ.flag, this.#kind), this.#path) as boolean;
  }

  /** Makes the flag true. */
  enable(): Write {
    return this.set(true);
  }

  /** Makes the flag false. */
  disable(): Write {
    return this.set(false);
  }

  /** Makes the flag true or false. */
  set(value: boolean): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(ofKind(WRITE.flag, this.#kind), this.#path, value, engine.now()));
  }

  /** Returns the value. */
  toJSON(): boolean {
    return this.value;
  }
}
