import type { ChangeEvent, Doc, Value } from "syncline";

/** A card as the board shows it. Its text is not here: a text area is bound to it directly. */
export interface Card {
  id: string;
  title: string;
  column: string;
  order: number;
  votes: number;
  tags: string[];
  author: string;
}

export interface Column {
  id: string;
  title: string;
  order: number;
}

const text = (value: Value | undefined): string => (typeof value === "string" ? value : "");
const number = (value: Value | undefined): number => {
  const n = typeof value === "bigint" ? Number(value) : value;
  return typeof n === "number" && Number.isFinite(n) ? n : 0;
};

/** Equal orders are possible (two people drop at the same place at the same time); the id decides, so everybody sees one order. */
const byOrder = (a: { order: number; id: string }, b: { order: number; id: string }): number =>
  a.order - b.order || (a.id < b.id ? -1 : 1);

/** A readable copy of the board. Change events mark what they touched; it is read again when somebody asks. */
export class BoardModel {
  private readonly knownCards = new Map<string, Card>();
  private readonly knownColumns = new Map<string, Column>();
  private readonly staleCards = new Set<string>();
  private readonly staleColumns = new Set<string>();

  constructor(
    readonly doc: Doc,
    private readonly changed: () => void,
  ) {
    for (const id of doc.map("columns").keys()) this.staleColumns.add(id);
    for (const id of doc.map("cards").keys()) this.staleCards.add(id);
    doc.subscribe((event) => this.apply(event));
  }

  /** All cards by id. */
  get cards(): ReadonlyMap<string, Card> {
    for (const id of this.staleCards) this.readCard(id);
    this.staleCards.clear();
    return this.knownCards;
  }

  /** All columns by id. */
  get columns(): ReadonlyMap<string, Column> {
    for (const id of this.staleColumns) this.readColumn(id);
    this.staleColumns.clear();
    return this.knownColumns;
  }

  /** Columns from left to right. */
  sortedColumns(): Column[] {
    return [...this.columns.values()].sort(byOrder);
  }

  /** Cards of one column from top to bottom. */
  cardsIn(column: string): Card[] {
    return [...this.cards.values()].filter((card) => card.column === column).sort(byOrder);
  }

  /** Cards whose column is gone: someone deleted it while someone else moved a card into it. */
  strays(): Card[] {
    const { columns } = this;
    return [...this.cards.values()].filter((card) => !columns.has(card.column)).sort(byOrder);
  }

  /** All tags in use, sorted. */
  tags(): string[] {
    return [...new Set([...this.cards.values()].flatMap((card) => card.tags))].sort();
  }

  private apply(event: ChangeEvent): void {
    const [root, id] = event.path;
    if (id === undefined) return;
    // Typing into a card shows up in its text area by itself.
    if (event.kind === "text" && this.knownCards.has(id) && this.doc.map("cards").has(id)) return;
    if (root === "columns") this.staleColumns.add(id);
    else if (root === "cards") this.staleCards.add(id);
    else return;
    this.changed();
  }

  private readColumn(id: string): void {
    if (!this.doc.map("columns").has(id)) return void this.knownColumns.delete(id);
    const at = (field: string) => this.doc.register("columns", id, field).get();
    this.knownColumns.set(id, { id, title: text(at("title")), order: number(at("order")) });
  }

  private readCard(id: string): void {
    if (!this.doc.map("cards").has(id)) return void this.knownCards.delete(id);
    const at = (field: string) => this.doc.register("cards", id, field).get();
    this.knownCards.set(id, {
      id,
      title: text(at("title")),
      column: text(at("column")),
      order: number(at("order")),
      author: text(at("author")),
      votes: number(this.doc.counter("cards", id, "votes").value),
      tags: [...this.doc.set("cards", id, "tags").values()].map(text).filter(Boolean).sort(),
    });
  }
}
