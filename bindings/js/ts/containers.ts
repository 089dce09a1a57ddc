export { SyncBoundedCounter } from "./containers/bounded.js";
export { SyncCounter } from "./containers/counter.js";
export { SyncFlag, type FlagOptions } from "./containers/flag.js";
export { SyncList } from "./containers/list.js";
export { SyncMap } from "./containers/map.js";
export { SyncRegister } from "./containers/register.js";
export { SyncSet, type SetKind } from "./containers/set.js";
export { SyncText, type CursorSide, type TextRun } from "./containers/text.js";
