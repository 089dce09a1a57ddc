import { siblings, type Resolver } from "./conflict.js";
import { SynclineError } from "./errors.js";
import { READ, refusing, type RawReplica } from "./raw.js";
import { report } from "./report.js";

/** The one whose documents the functions are for. */
interface Owner {
  raw: RawReplica;
  readonly freed: boolean;
  readonly resolvers: Resolvers;
}

/**
 * The functions that pick one of several concurrent values, by name.
 *
 * WASM calls them in the middle of a read, while the replica is in use: the document refuses everything meanwhile.
 * @internal
 */
export class Resolvers {
  readonly #functions = new Map<string, Resolver>();
  #running = false;

  /** Whether a function runs. */
  get running(): boolean {
    return this.#running;
  }

  /** Throws while a function runs. */
  assertIdle(): void {
    if (this.#running) throw resolving();
  }

  /** Makes a function known. What WASM holds of it keeps nothing alive, because the garbage collector cannot look in there. */
  register(owner: Owner, name: string, resolver: Resolver): void {
    if (typeof resolver !== "function") throw new SynclineError("invalid-option", "a resolver is a function");
    const weak = new WeakRef(owner);
    const pick = (flat: unknown[]): number | undefined => {
      const alive = weak.deref();
      return alive && alive.resolvers.#run(alive, name, flat);
    };
    owner.raw.read(READ.resolver, "", [name, pick]);
    this.#functions.set(name, resolver);
  }

  #run(owner: Owner, name: string, flat: unknown[]): number | undefined {
    const resolver = this.#functions.get(name);
    if (!resolver) return undefined;
    const { raw } = owner;
    owner.raw = refusing(resolving());
    this.#running = true;
    try {
      return resolver(siblings(flat));
    } catch (error) {
      report(error);
      return undefined;
    } finally {
      this.#running = false;
      if (!owner.freed) owner.raw = raw;
    }
  }
}

function resolving(): SynclineError {
  return new SynclineError("resolving", "a resolver looks at nothing but the values it is given, and not at its document");
}
