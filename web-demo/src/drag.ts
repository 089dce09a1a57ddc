/** Moving cards and columns with a pointer: mouse, pen and touch. */

/** What happens when something was dropped. Positions count the other items only. */
export interface Drops {
  dropCard(card: string, column: string, index: number): unknown;
  dropColumn(column: string, index: number): unknown;
  finished(): void;
}

/** Pixels before a press becomes a drag, so that a click stays a click. */
const THRESHOLD = 5;
/** Pixels from an edge within which the board or a list scrolls by itself, and how far it goes in one frame. */
const EDGE = 48;
const EDGE_STEP = 8;
const INTERACTIVE = "input, textarea, button, select, a, .tag";

interface Held {
  item: HTMLElement;
  pointer: number;
  startX: number;
  startY: number;
  /** Where in the item the pointer holds it. */
  gripX: number;
  gripY: number;
  home: { parent: Element; next: Element | null };
  ghost: HTMLElement | null;
}

/** Watches one board. While something is held, `active` is true and the board must not be redrawn. */
export class Drag {
  private held: Held | null = null;
  private x = 0;
  private y = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly drops: Drops,
  ) {
    root.addEventListener("pointerdown", (event) => this.press(event));
    root.addEventListener("pointermove", (event) => this.move(event));
    root.addEventListener("pointerup", (event) => this.release(event, true));
    root.addEventListener("pointercancel", (event) => this.release(event, false));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.held?.ghost) this.finish(false);
    });
  }

  get active(): boolean {
    return this.held?.ghost != null;
  }

  private press(event: PointerEvent): void {
    if (event.button !== 0 || this.held || !(event.target instanceof Element)) return;
    const item = event.target.closest<HTMLElement>("[data-drag]");
    const handle = event.target.closest(".handle");
    const free = event.pointerType === "mouse" && !event.target.closest(INTERACTIVE);
    // A column is held by its head only: its empty space belongs to nobody.
    const grabbed = handle || (free && (item?.dataset.drag === "card" || event.target.closest(".column-head")));
    if (!item?.parentElement || !grabbed) return;
    const box = item.getBoundingClientRect();
    this.held = {
      item,
      pointer: event.pointerId,
      startX: event.clientX,
      startY: event.clientY,
      gripX: event.clientX - box.left,
      gripY: event.clientY - box.top,
      home: { parent: item.parentElement, next: item.nextElementSibling },
      ghost: null,
    };
  }

  private move(event: PointerEvent): void {
    const { held } = this;
    if (!held || event.pointerId !== held.pointer) return;
    [this.x, this.y] = [event.clientX, event.clientY];
    if (!held.ghost) {
      if (Math.hypot(this.x - held.startX, this.y - held.startY) < THRESHOLD) return;
      this.lift(held);
    }
    event.preventDefault();
    held.ghost!.style.transform = `translate(${this.x - held.gripX}px, ${this.y - held.gripY}px)`;
    this.settle(held);
  }

  /** The item itself stays in the list and shows the place; a copy follows the pointer. */
  private lift(held: Held): void {
    const box = held.item.getBoundingClientRect();
    const ghost = held.item.cloneNode(true) as HTMLElement;
    for (const element of [ghost, ...ghost.querySelectorAll("[data-testid]")]) element.removeAttribute("data-testid");
    ghost.classList.add("ghost");
    ghost.inert = true;
    ghost.style.width = `${box.width}px`;
    ghost.style.height = `${box.height}px`;
    held.ghost = ghost;
    document.body.append(ghost);
    held.item.classList.add("lifted");
    document.documentElement.classList.add("dragging");
    this.root.setPointerCapture(held.pointer);
    requestAnimationFrame(() => this.scroll());
  }

  /** Puts the item where it would land now. */
  private settle(held: Held): void {
    if (held.item.dataset.drag === "column") {
      const columns = this.siblings(this.root, "column", held.item);
      const next = columns.find((column) => this.x < middle(column).x) ?? this.root.querySelector(":scope > .add-column");
      if (next !== held.item.nextElementSibling) this.root.insertBefore(held.item, next);
      return;
    }
    const columns = this.siblings(this.root, "column");
    const column = columns.find((element) => this.x < element.getBoundingClientRect().right) ?? columns.at(-1);
    const list = column?.querySelector<HTMLElement>(".cards");
    if (!list) return;
    const next = this.siblings(list, "card", held.item).find((card) => this.y < middle(card).y) ?? null;
    if (held.item.parentElement !== list || held.item.nextElementSibling !== next) list.insertBefore(held.item, next);
  }

  private siblings(parent: Element, kind: string, except?: Element): HTMLElement[] {
    return [...parent.querySelectorAll<HTMLElement>(`:scope > [data-drag="${kind}"]`)].filter((item) => item !== except);
  }

  private scroll(): void {
    const { held, x, y } = this;
    if (!held?.ghost) return;
    const across = this.root.getBoundingClientRect();
    if (x < across.left + EDGE) this.root.scrollLeft -= EDGE_STEP;
    if (x > across.right - EDGE) this.root.scrollLeft += EDGE_STEP;
    const list = held.item.closest<HTMLElement>(".cards");
    const down = list?.getBoundingClientRect();
    if (list && down && y < down.top + EDGE) list.scrollTop -= EDGE_STEP;
    if (list && down && y > down.bottom - EDGE) list.scrollTop += EDGE_STEP;
    this.settle(held);
    requestAnimationFrame(() => this.scroll());
  }

  private release(event: PointerEvent, drop: boolean): void {
    if (!this.held || event.pointerId !== this.held.pointer) return;
    if (this.held.ghost) this.finish(drop);
    else this.held = null;
  }

  private finish(drop: boolean): void {
    const { held } = this;
    if (!held) return;
    this.held = null;
    held.ghost?.remove();
    held.item.classList.remove("lifted");
    document.documentElement.classList.remove("dragging");
    if (this.root.hasPointerCapture(held.pointer)) this.root.releasePointerCapture(held.pointer);
    const { item, home } = held;
    const moved = item.parentElement !== home.parent || item.nextElementSibling !== home.next;
    if (drop && moved) this.report(item);
    this.drops.finished();
  }

  private report(item: HTMLElement): void {
    const kind = item.dataset.drag ?? "";
    const index = this.siblings(item.parentElement!, kind).indexOf(item);
    if (kind === "column") this.drops.dropColumn(item.dataset.column ?? "", index);
    else this.drops.dropCard(item.dataset.card ?? "", item.closest<HTMLElement>(".column")?.dataset.column ?? "", index);
  }
}

function middle(element: Element): { x: number; y: number } {
  const box = element.getBoundingClientRect();
  return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
}
