import type { BoardModel, Card, Column } from "./model";

/** Every write of the page: each function is one transaction, so the others see all of it or nothing. */

const STARTER: [id: string, title: string][] = [
  ["todo", "To do"],
  ["doing", "Doing"],
  ["done", "Done"],
];

function newId(): string {
  const random = crypto.getRandomValues(new Uint32Array(2));
  return [...random].map((part) => part.toString(36).padStart(7, "0")).join("");
}

/**
 * Finds a number between two neighbours, away from the exact middle so that two people who drop at the same place
 * seldom get the same one. Returns `undefined` when no number is left between them.
 */
export function orderBetween(before: number | undefined, after: number | undefined): number | undefined {
  if (before === undefined) return after === undefined ? 0 : after - 1;
  if (after === undefined) return before + 1;
  const middle = before + (after - before) * (0.3 + Math.random() * 0.4);
  return middle > before && middle < after ? middle : undefined;
}

/** Finds the order for position `index` of a list; numbers the list anew where it has no room left. */
function makeRoom(list: { id: string; order: number }[], index: number, renumber: (id: string, order: number) => void): number {
  const order = orderBetween(list[index - 1]?.order, list[index]?.order);
  if (order !== undefined) return order;
  list.forEach((item, i) => renumber(item.id, i < index ? i : i + 1));
  return index;
}

/** Three columns with fixed ids: two people who start the same board at the same time get one board. */
export function addStarterColumns({ doc }: BoardModel): void {
  doc.transact(() => {
    STARTER.forEach(([id, title], index) => {
      doc.register("columns", id, "title").set(title);
      doc.register("columns", id, "order").set(index);
    });
  });
}

export function addColumn(model: BoardModel, title: string): string {
  const id = newId();
  const order = (model.sortedColumns().at(-1)?.order ?? -1) + 1;
  model.doc.transact(() => {
    model.doc.register("columns", id, "title").set(title);
    model.doc.register("columns", id, "order").set(order);
  });
  return id;
}

export function renameColumn({ doc }: BoardModel, id: string, title: string): void {
  doc.register("columns", id, "title").set(title);
}

/** Moves a column to position `index` among the others. */
export function moveColumn(model: BoardModel, id: string, index: number): void {
  const { doc } = model;
  const others = model.sortedColumns().filter((column) => column.id !== id);
  const write = (column: string, order: number) => void doc.register("columns", column, "order").set(order);
  doc.transact(() => write(id, makeRoom(others, index, write)));
}

export function addCard(model: BoardModel, column: string, title: string, author: string): string {
  const id = newId();
  const order = (model.cardsIn(column).at(-1)?.order ?? -1) + 1;
  const { doc } = model;
  doc.transact(() => {
    doc.register("cards", id, "title").set(title);
    doc.register("cards", id, "column").set(column);
    doc.register("cards", id, "order").set(order);
    doc.register("cards", id, "author").set(author);
  });
  return id;
}

export function renameCard({ doc }: BoardModel, id: string, title: string): void {
  doc.register("cards", id, "title").set(title);
}

/** Moves a card to position `index` among the other cards of a column. */
export function moveCard(model: BoardModel, id: string, column: string, index: number): void {
  const { doc } = model;
  const others = model.cardsIn(column).filter((card) => card.id !== id);
  const write = (card: string, order: number) => void doc.register("cards", card, "order").set(order);
  doc.transact(() => {
    if (model.cards.get(id)?.column !== column) doc.register("cards", id, "column").set(column);
    write(id, makeRoom(others, index, write));
  });
}

export function vote({ doc }: BoardModel, id: string, by: 1 | -1): void {
  doc.counter("cards", id, "votes").increment(by);
}

export function addTag({ doc }: BoardModel, id: string, tag: string): void {
  doc.set("cards", id, "tags").add(tag);
}

export function removeTag({ doc }: BoardModel, id: string, tag: string): void {
  doc.set("cards", id, "tags").delete(tag);
}

/** Deletes a card and returns what brings it back. */
export function deleteCard(model: BoardModel, card: Card): () => void {
  const body = model.doc.text("cards", card.id, "body").toString();
  model.doc.map("cards").delete(card.id);
  return () => model.doc.transact(() => writeCard(model, card, body));
}

/** Deletes a column with its cards and returns what brings them back. */
export function deleteColumn(model: BoardModel, column: Column): () => void {
  const { doc } = model;
  return doc.transact(() => {
    const undo = model.cardsIn(column.id).map((card) => deleteCard(model, card));
    doc.map("columns").delete(column.id);
    return () =>
      doc.transact(() => {
        doc.register("columns", column.id, "title").set(column.title);
        doc.register("columns", column.id, "order").set(column.order);
        for (const restore of undo) restore();
      });
  });
}

function writeCard({ doc }: BoardModel, card: Card, body: string): void {
  for (const field of ["title", "column", "order", "author"] as const) {
    doc.register("cards", card.id, field).set(card[field]);
  }
  if (card.votes !== 0) doc.counter("cards", card.id, "votes").increment(card.votes);
  for (const tag of card.tags) doc.set("cards", card.id, "tags").add(tag);
  if (body !== "") doc.text("cards", card.id, "body").insert(0, body);
}
