import type { ChangeEvent, Value } from "syncline";
import { ACTIVITY_BATCH } from "./limits";
import type { BoardModel } from "./model";

/** What one author did to one card or column, in words. */
export interface Deed {
  by: string;
  local: boolean;
  /** Deeds with the same key may be joined while somebody goes on typing; `null` for those that stand alone. */
  joinKey: string | null;
  text: string;
}

/** Characters of a title in the list; it only has to be recognised. */
const SHOWN_CHARS = 36;

/** Titles of cards and columns, also of those deleted a moment ago. */
export class Titles {
  private readonly known = new Map<string, string>();

  constructor(private readonly model: BoardModel) {
    this.learn();
  }

  /** Remembers the present titles, and forgets those of things long gone. */
  learn(): void {
    this.known.clear();
    for (const { id, title } of [...this.model.cards.values(), ...this.model.columns.values()]) this.known.set(id, title);
  }

  of(id: string): string {
    const now = this.model.cards.get(id)?.title ?? this.model.columns.get(id)?.title;
    const title = now || this.known.get(id) || "Untitled";
    return `“${title.length > SHOWN_CHARS ? `${title.slice(0, SHOWN_CHARS).trimEnd()}…` : title}”`;
  }
}

/** Puts the changes of one moment into words: one deed for each author and each card or column. */
export function describe(events: ChangeEvent[], titles: Titles): Deed[] {
  const groups = new Map<string, ChangeEvent[]>();
  for (const event of events) {
    const key = [event.by, ...event.path.slice(0, 2)].join("\n");
    groups.get(key)?.push(event) ?? groups.set(key, [event]);
  }
  if (groups.size > ACTIVITY_BATCH) return summarise(events);
  return [...groups.values()].map((group) => {
    const first = group[0]!;
    const [root = "", id = ""] = first.path;
    const typed = group.every((event) => event.kind === "text");
    const text = root === "cards" ? cardDeed(group, id, titles) : root === "columns" ? columnDeed(group, id, titles) : `changed ${first.path.join("/")}`;
    return { by: first.by, local: first.origin.type === "local", joinKey: typed ? [first.by, id].join("\n") : null, text };
  });
}

function summarise(events: ChangeEvent[]): Deed[] {
  const authors = new Map<string, ChangeEvent[]>();
  for (const event of events) authors.get(event.by)?.push(event) ?? authors.set(event.by, [event]);
  return [...authors].map(([by, mine]) => ({
    by,
    local: mine[0]?.origin.type === "local",
    joinKey: null,
    text: `made ${mine.length.toLocaleString("en")} changes`,
  }));
}

const fieldOf = (events: ChangeEvent[], name: string): ChangeEvent | undefined => events.find(({ path }) => path[2] === name);
const gone = (value: Value | undefined): boolean => value === undefined || value === null;

function cardDeed(events: ChangeEvent[], id: string, titles: Titles): string {
  const name = titles.of(id);
  const [title, column, votes] = [fieldOf(events, "title"), fieldOf(events, "column"), fieldOf(events, "votes")];
  if (title && gone(title.new)) return `deleted ${name}`;
  if (title && gone(title.old)) return `added ${name}`;
  if (title) return `renamed a card to ${name}`;
  if (column) return `moved ${name} to ${titles.of(String(column.new))}`;
  if (votes) {
    const by = Number(votes.new ?? 0) - Number(votes.old ?? 0);
    return `voted ${by < 0 ? "−" : "+"}${Math.abs(by)} on ${name}`;
  }
  const tags = events.filter(({ path }) => path[2] === "tags");
  const added = tags.find((event) => !gone(event.new));
  if (added) return `added the tag ${String(added.new)} to ${name}`;
  if (tags[0]) return `removed the tag ${String(tags[0].old)} from ${name}`;
  if (fieldOf(events, "body")) return `wrote in ${name}`;
  if (fieldOf(events, "order")) return `reordered ${name}`;
  return `changed ${name}`;
}

function columnDeed(events: ChangeEvent[], id: string, titles: Titles): string {
  const name = titles.of(id);
  const title = fieldOf(events, "title");
  if (title && gone(title.new)) return `deleted column ${name}`;
  if (title && gone(title.old)) return `added column ${name}`;
  return title ? `renamed a column to ${name}` : `moved column ${name}`;
}
