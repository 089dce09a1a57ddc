import type { Value } from "./value.js";

/** What kind of container a path holds. */
export type ContainerKind = "register" | "set" | "counter" | "text" | "map" | "flag" | "list" | "bounded";

/** Where a change came from. */
export interface ChangeOrigin {
  /** `"local"`: written here. `"import"`: by {@link Doc.import} or a local store. `"link"`: from the relay. */
  readonly type: "local" | "import" | "link";
  /** The name given to {@link Doc.transact}, `"undo"` or `"redo"`, if any; only for local changes. */
  readonly name?: string;
}

/** What a part of a text is marked with, by name; in an edit `null` takes a mark away. */
export type Attributes = { readonly [name: string]: null | boolean | number | string };

/** One edit of a text; positions are UTF-16 code units, as in JavaScript strings. */
export interface Splice {
  /** Where, in the text as the splices before this one left it. */
  readonly index: number;
  /** How many code units are removed there. */
  readonly delete: number;
  /** What is put there instead. */
  readonly insert: string;
  /** How many code units there get `attributes`, in a change of marks alone; absent otherwise. */
  readonly retain?: number;
  /** The marks of `insert`, all of them; or those that the retained part gets, `null` for those it loses. */
  readonly attributes?: Attributes;
}

/** What all changes have. */
interface ChangeBase {
  /** The path of what changed; for an entry of a map, the path of the entry; for an item of a list, the list's and the item's id. */
  readonly path: string[];
  /** The replica that made the change: 32 hex digits. */
  readonly by: string;
  /** Where it came from. */
  readonly origin: ChangeOrigin;
}

/** A register, such as the entry of a map, has another value. */
export interface RegisterChange {
  readonly kind: "register";
  /** The value before; absent when there was none. */
  readonly old?: Value;
  /** The value now; absent when it was deleted. */
  readonly new?: Value;
  readonly splices?: undefined;
}

/** An element came into a set or went. */
export interface SetChange {
  readonly kind: "set";
  /** The element, if it was removed. */
  readonly old?: Value;
  /** The element, if it was added. */
  readonly new?: Value;
  readonly splices?: undefined;
}

/** A counter or bounded counter has another value. */
export interface CounterChange {
  readonly kind: "counter" | "bounded";
  /** The value before; absent when there was no counter. A bigint beyond the safe integers. */
  readonly old?: number | bigint;
  /** The value now; absent when the counter was deleted. */
  readonly new?: number | bigint;
  readonly splices?: undefined;
}

/** A flag was switched. */
export interface FlagChange {
  readonly kind: "flag";
  /** What it was; absent when it had never been set. */
  readonly old?: boolean;
  /** What it is; absent when it was deleted. */
  readonly new?: boolean;
  readonly splices?: undefined;
}

/** An item of a list came, went, moved or has another value. */
export interface ListChange {
  readonly kind: "list";
  /** The value before; for a moved item the same as now; absent when it is new. */
  readonly old?: Value;
  /** The value now; absent when the item was deleted. */
  readonly new?: Value;
  readonly splices?: undefined;
}

/** An empty map was made or deleted. */
export interface MapChange {
  readonly kind: "map";
  /** `{}` if the map was deleted. */
  readonly old?: Value;
  /** `{}` if the map was made. */
  readonly new?: Value;
  readonly splices?: undefined;
}

/** A text was edited. */
export interface TextChange {
  readonly kind: "text";
  readonly old?: undefined;
  readonly new?: undefined;
  /** The edits, in the order in which to apply them. */
  readonly splices: Splice[];
}

/**
 * One change of one container; `kind` tells which of its forms it has.
 *
 * ```ts
 * doc.subscribe((event) => {
 *   if (event.kind === "text") editor.apply(event.path, event.splices);
 *   else if (event.kind === "flag") checkbox(event.path).checked = event.new ?? false;
 *   else render(event.path, event.new);
 * });
 * ```
 */
export type ChangeEvent = ChangeBase &
  (RegisterChange | SetChange | CounterChange | FlagChange | ListChange | MapChange | TextChange);

/** Is called once for each change, right after the commit, import or frame that made it. */
export type ChangeListener = (event: ChangeEvent) => void;

/** Stops what it was returned by; calling it again does nothing. */
export type Unsubscribe = () => void;

/** Which of the changes at and below a path are wanted; all of them when nothing is said. */
export interface ChangeFilter {
  /** Only changes at the path itself, not below it. */
  exact?: boolean;
  /** Only these kinds of container. */
  kinds?: readonly ContainerKind[];
  /** Only what was written here, or only what came from others. */
  from?: "local" | "remote";
  /** Only what this replica wrote. */
  by?: string;
}

/** Options of {@link Doc.subscribe}. */
export interface SubscribeOptions extends ChangeFilter {
  /**
   * Is called with the number of events that are missing, before those that follow the gap: a single import or commit
   * that changes more than a million places tells only of the last million.
   */
  onLagged?: (missed: number) => void;
}

/** Options of {@link Doc.stream}. */
export interface StreamOptions extends ChangeFilter {
  /** How many events wait until they are taken, 1 to 65,536; 1,024 when not said. */
  capacity?: number;
}

/**
 * What a {@link ChangeStream} delivers: a change, or the word that some are missing because they were not taken in time.
 *
 * After `"lagged"`, {@link ChangeStream.resync} tells what changed meanwhile.
 */
export type StreamEvent =
  | { readonly type: "change"; readonly change: ChangeEvent }
  | { readonly type: "lagged"; readonly missed: number };

/** What is different at one place between two versions, whatever happened in between. */
export interface NetChange {
  /** Where. */
  readonly path: string[];
  /** What stands or stood there. */
  readonly kind: ContainerKind;
  /** The value before; for a set the removed element. From {@link Doc.changesSince} only removed elements are known. */
  readonly old?: Value;
  /** The value now, a text as a string; absent if there is none. For a set the element, if it is there. */
  readonly new?: Value;
  /** From {@link Doc.diff}, for a text: what makes the new one of the old one. */
  readonly splices?: Splice[];
}

/** What to do in order to go on from an older version: forget what is `removed`, then take over `changes`. */
export interface CatchUp {
  /** The version that this leads to: the next token. */
  readonly version: Uint8Array;
  /** Places that were deleted with all that was below them. What is there again stands in `changes`. */
  readonly removed: string[][];
  /** Places that may have changed, with what is there now. */
  readonly changes: NetChange[];
  /**
   * Whether deletions since then are no longer known one by one: then `removed` is the whole document, or the part that
   * was asked for, and `changes` lists all that is there.
   */
  readonly complete: boolean;
}
