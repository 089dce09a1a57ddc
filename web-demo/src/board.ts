import { announce, arrange, h, place } from "./dom";
import { CardView, type CardContext } from "./card";
import { ColumnView, STRAYS } from "./column";
import { Drag } from "./drag";
import { addColumn, addStarterColumns, moveCard, moveColumn } from "./edits";
import { addForm } from "./field";
import { ANIMATED_CARDS, TITLE_CHARS } from "./limits";
import type { Column } from "./model";

/** Draws the model and turns moves by pointer and keyboard into edits. */
export class Board {
  private readonly cards = new Map<string, CardView>();
  private readonly columns = new Map<string, ColumnView>();
  private readonly end: HTMLElement;
  private readonly tagList = h("datalist", { id: "tag-list" });
  private readonly empty: HTMLElement;
  private readonly drag: Drag;
  private scheduled = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly context: CardContext,
    private readonly author: () => string,
  ) {
    const { model } = context;
    this.end = addForm("add-column", "+ Add a column", "new-column-title", TITLE_CHARS, (title) => {
      addColumn(model, title);
      root.scrollTo({ left: root.scrollWidth, behavior: "smooth" });
    });
    this.empty = this.emptyState();
    root.append(this.empty, this.end, this.tagList);
    this.drag = new Drag(root, {
      // Somebody may have deleted it while it was in the air.
      dropCard: (card, column, index) => model.cards.has(card) && moveCard(model, card, column, index),
      dropColumn: (column, index) => model.columns.has(column) && moveColumn(model, column, index),
      finished: () => this.render(),
    });
    root.addEventListener("keydown", (event) => this.moveByKey(event));
  }

  /** Asks for a drawing; many changes at once are drawn once. */
  changed(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.render();
    });
  }

  showPeople(): void {
    for (const view of this.cards.values()) view.showPeople();
  }

  /** Draws everything that differs from the model. Waits while something is being dragged. */
  render(): void {
    if (this.drag.active) return;
    const { model } = this.context;
    const before = this.positions();
    const columns: Column[] = model.sortedColumns();
    if (model.strays().length > 0) columns.push({ id: STRAYS, title: "Without a column", order: Infinity });
    this.dropStale(columns);
    for (const column of columns) this.renderColumn(column);
    arrange(this.root, columns.map(({ id }) => this.columns.get(id)!.element), this.end);
    this.empty.hidden = columns.length > 0;
    this.root.classList.toggle("is-empty", columns.length === 0);
    this.tagList.replaceChildren(...model.tags().map((tag) => h("option", { value: tag })));
    this.animate(before);
  }

  private renderColumn(column: Column): void {
    const { model } = this.context;
    const view = this.columns.get(column.id) ?? new ColumnView(column, this.context, this.author);
    this.columns.set(column.id, view);
    const cards = column.id === STRAYS ? model.strays() : model.cardsIn(column.id);
    view.update(column, cards.length);
    const elements = cards.map((card) => {
      const cardView = this.cards.get(card.id) ?? new CardView(card, this.context);
      this.cards.set(card.id, cardView);
      cardView.update(card);
      return cardView.element;
    });
    arrange(view.list, elements);
  }

  private dropStale(columns: Column[]): void {
    const { model } = this.context;
    for (const [id, view] of this.cards) {
      if (model.cards.has(id)) continue;
      view.stop();
      view.element.remove();
      this.cards.delete(id);
    }
    for (const [id, view] of this.columns) {
      if (columns.some((column) => column.id === id)) continue;
      // Its cards may be on their way to another column: they must not leave the page, or typing would lose its place.
      for (const card of [...view.list.children]) place(this.root, card as HTMLElement, this.end);
      view.element.remove();
      this.columns.delete(id);
    }
  }

  private positions(): Map<CardView, DOMRect> {
    const still = this.cards.size > ANIMATED_CARDS || matchMedia("(prefers-reduced-motion: reduce)").matches;
    return new Map(still ? [] : [...this.cards.values()].map((view) => [view, view.element.getBoundingClientRect()]));
  }

  /** Lets moved cards glide from where they were, and new ones appear. */
  private animate(before: Map<CardView, DOMRect>): void {
    for (const [view, old] of before) {
      if (!view.element.isConnected || old.width === 0) continue;
      const now = view.element.getBoundingClientRect();
      const [x, y] = [old.left - now.left, old.top - now.top];
      if (Math.abs(x) + Math.abs(y) < 2) continue;
      view.element.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: 180, easing: "ease-out" });
    }
  }

  /** Arrow keys on a handle move its card or column. */
  private moveByKey(event: KeyboardEvent): void {
    const handle = (event.target as Element).closest<HTMLElement>(".handle");
    const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    const item = handle?.closest<HTMLElement>("[data-drag]");
    if (!step || !item) return;
    event.preventDefault();
    const [across = 0, down = 0] = step;
    if (item.dataset.drag === "column") this.stepColumn(item.dataset.column ?? "", across);
    else this.stepCard(item.dataset.card ?? "", across, down);
    this.render();
    item.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  private stepColumn(id: string, across: number): void {
    const { model } = this.context;
    const columns = model.sortedColumns();
    const index = columns.findIndex((column) => column.id === id) + across;
    if (across === 0 || index < 0 || index >= columns.length) return;
    moveColumn(model, id, index);
    announce(`Column ${index + 1} of ${columns.length}`);
  }

  private stepCard(id: string, across: number, down: number): void {
    const { model } = this.context;
    const card = model.cards.get(id);
    const columns = model.sortedColumns();
    const from = columns.findIndex((column) => column.id === card?.column);
    const to = columns[from === -1 ? 0 : from + across];
    if (!card || !to) return;
    const index = (column: string) => model.cardsIn(column).findIndex((other) => other.id === id);
    const others = model.cardsIn(to.id).filter((other) => other.id !== id);
    const target = across === 0 ? index(to.id) + down : Math.min(Math.max(index(card.column), 0), others.length);
    if (target < 0 || target > others.length) return;
    moveCard(model, id, to.id, target);
    announce(`${to.title}, ${target + 1} of ${others.length + 1}`);
  }

  private emptyState(): HTMLElement {
    const start = () => addStarterColumns(this.context.model);
    return h(
      "div",
      { class: "empty", "data-testid": "empty-board" },
      h("h2", {}, "Nothing here yet"),
      h("p", {}, "This board is shared with everybody in the room. What you add is kept in this browser first, then sent to the relay."),
      h("button", { class: "primary", type: "button", "data-testid": "starter-board", onclick: start }, "Start with three columns"),
    );
  }
}
