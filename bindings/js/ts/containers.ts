export { SyncCounter } from "./containers/counter.js";
export { SyncMap } from "./containers/map.js";
export { SyncRegister } from "./containers/register.js";
export { SyncSet } from "./containers/set.js";
export { SyncText } from "./containers/text.js";
