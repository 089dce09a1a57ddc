export {
  Connection,
  RelayError,
  connect,
  type Ack,
  type ConnectOptions,
  type ConnectionEvents,
  type ConnectionState,
  type ConnectionStatus,
  type PresenceChange,
  type Renewal,
} from "./connection.js";
export type { TokenSource } from "./token.js";
export {
  SyncBoundedCounter,
  SyncCounter,
  SyncFlag,
  SyncList,
  SyncMap,
  SyncRegister,
  SyncSet,
  SyncText,
  type CursorSide,
  type FlagOptions,
  type SetKind,
  type TextRun,
} from "./containers.js";
export type { Conflict, ConflictListener, Resolver, Sibling } from "./conflict.js";
export { Doc, type DocOptions, type ImportReport, type Memory, type Stats } from "./doc.js";
export { SynclineError } from "./errors.js";
export type {
  Attributes,
  CatchUp,
  ChangeEvent,
  ChangeFilter,
  ChangeListener,
  ChangeOrigin,
  ContainerKind,
  CounterChange,
  FlagChange,
  ListChange,
  MapChange,
  NetChange,
  RegisterChange,
  SetChange,
  Splice,
  StreamEvent,
  StreamOptions,
  SubscribeOptions,
  TextChange,
  Unsubscribe,
} from "./events.js";
export type { Policy, Resolution } from "./policy.js";
export { Persistence, persist, type PersistOptions } from "./storage.js";
export { ChangeStream } from "./stream.js";
export { UndoManager, type UndoOptions } from "./undo.js";
export type { AckLevel, Value } from "./value.js";
export { VERSION } from "./version.js";
export type { AckOptions, Write } from "./write.js";
