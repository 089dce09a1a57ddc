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
} from "./connection.js";
export {
  SyncBoundedCounter,
  SyncCounter,
  SyncFlag,
  SyncList,
  SyncMap,
  SyncRegister,
  SyncSet,
  SyncText,
  type FlagOptions,
  type SetKind,
} from "./containers.js";
export { Doc, type DocOptions, type ImportReport, type Stats } from "./doc.js";
export { SynclineError } from "./errors.js";
export type { ChangeEvent, ChangeListener, ChangeOrigin, ContainerKind, Splice, Unsubscribe } from "./events.js";
export type { Policy, Resolution } from "./policy.js";
export { Persistence, persist, type PersistOptions } from "./storage.js";
export type { AckLevel, Value } from "./value.js";
export { VERSION } from "./version.js";
export type { AckOptions, Write } from "./write.js";
