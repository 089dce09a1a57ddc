import type { Value } from "../value.js";
import { decide } from "./decide.js";

/** A member that counts for quorums: its name, or its name and region. */
export type Member = string | { readonly id: string; readonly region?: string };

/** How many members must hold a write: a level by its name, or a number. */
export type Level = "one" | "quorum" | "all" | "local_quorum" | "each_quorum" | number;

/** What else a decision about members may need. */
export interface QuorumOptions {
  /** The members after a change that is under way: both majorities count. */
  readonly next?: readonly Member[];
  /** The region that local levels are about. */
  readonly local?: string;
}

/** Returns whether a level is reached once `acked` have acknowledged, and whether these members can reach it at all. */
export function quorum(
  members: readonly Member[],
  level: Level,
  acked: Iterable<string>,
  options: QuorumOptions = {},
): { done: boolean; reachable: boolean } {
  const answer = decide("quorum", { ...configuration(members, options), level, acked: [...acked] });
  return answer as { done: boolean; reachable: boolean };
}

/** Returns the number up to which a level holds, given how far each member is; `null` if it can never be reached. */
export function frontier(
  members: readonly Member[],
  level: Level,
  reached: { readonly [member: string]: number },
  options: QuorumOptions = {},
): number | null {
  return decide("frontier", { ...configuration(members, options), level, reached: { ...reached } }) as number | null;
}

/** Tells whether a replica at the version `seen` has all that a session `needs`; both from replica id to number. */
export function isSeen(needs: { readonly [replica: string]: number }, seen: { readonly [replica: string]: number }): boolean {
  return decide("session", { needs: { ...needs }, seen: { ...seen } }) as boolean;
}

/** Collects the acknowledgements of one write. A member that acknowledges twice counts once; strangers do not count. */
export class QuorumTracker {
  readonly #members: readonly Member[];
  readonly #level: Level;
  readonly #options: QuorumOptions;
  readonly #acked = new Set<string>();

  constructor(members: readonly Member[], level: Level, options: QuorumOptions = {}) {
    this.#members = members;
    this.#level = level;
    this.#options = options;
  }

  /** Notes an acknowledgement; returns whether the level is reached. */
  ack(member: string): boolean {
    if (this.#isMember(member)) this.#acked.add(member);
    return this.done;
  }

  /** Whether the level is reached. */
  get done(): boolean {
    return quorum(this.#members, this.#level, this.#acked, this.#options).done;
  }

  /** Whether these members can reach the level at all. */
  get reachable(): boolean {
    return quorum(this.#members, this.#level, this.#acked, this.#options).reachable;
  }

  #isMember(name: string): boolean {
    const isIt = (member: Member): boolean => (typeof member === "string" ? member : member.id) === name;
    return this.#members.some(isIt) || (this.#options.next ?? []).some(isIt);
  }
}

function configuration(members: readonly Member[], { next, local }: QuorumOptions): { [name: string]: Value | undefined } {
  return { members: plain(members), next: next && plain(next), local };
}

function plain(members: readonly Member[]): Value {
  return members.map((member) => (typeof member === "string" ? member : { ...member }));
}
