import type { Value } from "./value.js";

/** What kind of container a path holds. */
export type ContainerKind = "register" | "set" | "counter" | "text" | "map" | "flag" | "list" | "bounded";

/** Where a change came from. */
export interface ChangeOrigin {
  /** `"local"`: written here. `"import"`: by {@link Doc.import} or a local store. `"link"`: from the relay. */
  readonly type: "local" | "import" | "link";
  /** The name given to {@link Doc.transact}, if any; only for local changes. */
  readonly name?: string;
}

/** One replacement in a text; positions are UTF-16 code units, as in JavaScript strings. */
export interface Splice {
  /** Where, in the text as the splices before this one left it. */
  readonly index: number;
  /** How many code units are removed there. */
  readonly delete: number;
  /** What is put there instead. */
  readonly insert: string;
}

/** One change of one container. */
export interface ChangeEvent {
  /** The path of what changed; for an entry of a map, the path of the entry; for an item of a list, the list's and the item's id. */
  readonly path: string[];
  /** What kind of container changed. */
  readonly kind: ContainerKind;
  /** The replica that made the change: 32 hex digits. */
  readonly by: string;
  /** Where it came from. */
  readonly origin: ChangeOrigin;
  /** The value before; for a set the removed element; for a moved item the same as now; absent when there was none, and for texts. */
  readonly old?: Value;
  /** The value now; for a set the added element; absent when it was deleted, and for texts. */
  readonly new?: Value;
  /** The edits of a text, in the order in which to apply them. */
  readonly splices?: Splice[];
}

/** Is called once for each change, right after the commit, import or frame that made it. */
export type ChangeListener = (event: ChangeEvent) => void;

/** Stops what it was returned by; calling it again does nothing. */
export type Unsubscribe = () => void;
