import type { Value } from "../value.js";
import { decide } from "./decide.js";

/** A node that holds keys: its name, or its name and weight in percent of a usual node. */
export type NodeOptions = string | { readonly name: string; readonly weight?: number };

/** Names of regions, each with its zones. */
export interface Region {
  readonly [name: string]: readonly string[];
}

/** Returns the hash of a key, 16 hex digits, which all placement goes by. */
export function hash(key: string): string {
  return decide("hash", { key }) as string;
}

/** Returns which of `buckets` numbered buckets a key belongs to: even and without memory; buckets come and go at the end. */
export function jump(key: string, buckets: number): number {
  return decide("jump", { key, buckets }) as number;
}

/** Returns which of `shards` equal shards a key belongs to. */
export function shard(key: string, shards: number): number {
  return decide("shard", { key, shards }) as number;
}

/**
 * Consistent hashing: nodes on a ring, for hundreds of them. The ring is made anew for each call; for millions of keys use
 * the Rust crate.
 */
export class Ring {
  readonly #args: { [name: string]: Value };

  /** `points` is how often a node stands on the ring; more is more even. */
  constructor(nodes: readonly NodeOptions[], options: { readonly points?: number } = {}) {
    this.#args = { nodes: named(nodes), ...options };
  }

  /** Returns the node that holds a key. */
  node(key: string): string | undefined {
    return this.nodes(key, 1)[0];
  }

  /** Returns the first `count` nodes for a key. */
  nodes(key: string, count: number): string[] {
    return decide("ring", { ...this.#args, key, count }) as string[];
  }

  /** Returns the node that gets a key if none may hold more than its share and `slack` percent; `loads` is what each holds, in order. */
  bounded(key: string, loads: readonly number[], slack: number): string {
    return decide("ring_bounded", { ...this.#args, key, loads: [...loads], slack }) as string;
  }
}

/** Rendezvous hashing: the most even choice among nodes with weights, any of which may come and go. */
export class Rendezvous {
  readonly #args: { [name: string]: Value };

  constructor(nodes: readonly NodeOptions[] | Topology) {
    this.#args = nodes instanceof Topology ? { topology: nodes.toJSON() } : { nodes: named(nodes) };
  }

  /** Returns the node that holds a key. */
  node(key: string): string | undefined {
    return this.nodes(key, 1)[0];
  }

  /** Returns the best `count` nodes for a key. */
  nodes(key: string, count: number): string[] {
    return decide("rendezvous", { ...this.#args, key, count }) as string[];
  }

  /** Returns the node that gets a key if none may hold more than its share and `slack` percent; `loads` is what each holds, in order. */
  bounded(key: string, loads: readonly number[], slack: number): string {
    return decide("rendezvous_bounded", { ...this.#args, key, loads: [...loads], slack }) as string;
  }
}

/** How shards are spread. */
export interface ShardOptions {
  /** How many shards there are. */
  readonly shards: number;
  /** How many nodes hold each. */
  readonly replicas?: number;
  /** What the nodes of one shard share as little as they can; `"zones"` when not said. */
  readonly spread?: "nodes" | "zones" | "regions";
  /** How much more than its share a node may hold, in percent; any amount when not said. */
  readonly slack?: number;
  /** Nodes that are to be emptied. */
  readonly draining?: string[];
}

/** A step from one map of shards to another. */
export interface Move {
  /** The number of the shard. */
  readonly shard: number;
  /** The node that gets the shard, if any. */
  readonly add: string | null;
  /** The node that gives it up, if any. */
  readonly remove: string | null;
}

/** Regions, their zones, and the nodes in them. */
export class Topology {
  readonly #value: { [name: string]: Value };

  /** Throws a {@link SynclineError} if names are missing, doubled or unknown. */
  constructor(
    regions: Region,
    nodes: readonly { readonly name: string; readonly region: string; readonly zone: string; readonly weight?: number }[],
  ) {
    this.#value = { regions: regions as { [name: string]: string[] }, nodes: nodes.map((node) => ({ ...node })) };
    this.names();
  }

  /** Returns the names of the nodes, in the order in which all who decide see them. */
  names(): string[] {
    return decide("topology", this.#value) as string[];
  }

  /** Returns for each shard the nodes that hold it. */
  shardMap(options: ShardOptions): string[][] {
    return decide("shard_map", { ...options, topology: this.#value }) as string[][];
  }

  /** Returns the next moves on the way to the map of `target`, at most `most` of them. */
  plan(target: Topology, options: ShardOptions & { readonly most?: number }): Move[] {
    return decide("plan", { ...options, topology: this.#value, target: { topology: target.toJSON() } }) as unknown as Move[];
  }

  /** Returns what a router decides for each reading and writing step; see `route` of {@link decide}. */
  route(options: { readonly strategy: Value; readonly steps: Value[]; readonly [name: string]: Value }): Value[] {
    return decide("route", { ...options, topology: this.#value }) as Value[];
  }

  /** Returns the topology as {@link decide} takes it. */
  toJSON(): { [name: string]: Value } {
    return this.#value;
  }
}

function named(nodes: readonly NodeOptions[]): Value {
  return nodes.map((node) => (typeof node === "string" ? { name: node } : { ...node }));
}
