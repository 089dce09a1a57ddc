export { SynclineError } from "../errors.js";
export type { WasmSource } from "../slim.js";
export type { Value } from "../value.js";
export { decide, initSync } from "./decide.js";
export {
  Coordinator,
  Machine,
  Participant,
  RetirementDriver,
  newTx,
  type CommitOptions,
  type CoordinatorInput,
  type CoordinatorOutput,
  type Idle,
  type ParticipantInput,
  type ParticipantOutput,
  type RetirementInput,
  type RetirementOutput,
} from "./machines.js";
export { Rendezvous, Ring, Topology, hash, jump, shard, type Move, type NodeOptions, type Region, type ShardOptions } from "./place.js";
export { QuorumTracker, frontier, isSeen, quorum, type Level, type Member, type QuorumOptions } from "./quorum.js";
export { ReconcileSession, type Finding, type Reconcilable, type ReconcileOutcome } from "./reconcile.js";
export { compareClocks, mergeClocks, play, type Clock, type StandaloneType } from "./standalone.js";
