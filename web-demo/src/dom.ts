/** Small helpers for building and moving elements. Text always goes in as text, never as markup. */

type Child = Node | string | null | undefined;
type MovableParent = { moveBefore(item: Node, before: Node | null): void };
type Listener = (event: any) => void;
type Prop = string | number | boolean | null | undefined | Listener;

/** Builds an element. `on…` props become listeners, the rest attributes; `false`, `null` and `undefined` leave one out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Record<string, Prop> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child): child is Node | string => child !== null && child !== undefined));
  return element;
}

const ICONS = {
  grip: "M6 4h.01M6 8h.01M6 12h.01M10 4h.01M10 8h.01M10 12h.01",
  close: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  check: "M3.5 8.5l3 3 6-7",
  differs: "M3.5 6h9M3.5 10h9M10.5 3l-5 10",
} as const;

/** Builds a 16-pixel stroke icon that is hidden from assistive technology. */
export function icon(name: keyof typeof ICONS): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Finds an element of the page skeleton by id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element with the id "${id}"`);
  return element;
}

/** Sets text only where it differs, so that selections and screen readers are left alone. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Puts `items` into `parent` in this order, in front of `end`; whatever else is there stays. Focus survives a move. */
export function arrange(parent: HTMLElement, items: HTMLElement[], end: Element | null = null): void {
  const wanted = new Set<Element>(items);
  const nextWanted = (from: Element | null): Element | null => {
    while (from && from !== end && !wanted.has(from)) from = from.nextElementSibling;
    return from;
  };
  let cursor = nextWanted(parent.firstElementChild);
  for (const item of items) {
    if (item === cursor) cursor = nextWanted(cursor.nextElementSibling);
    else place(parent, item, cursor ?? end);
  }
}

/** Moves an element without losing the focus or the selection inside it. */
export function place(parent: HTMLElement, item: HTMLElement, before: Element | null): void {
  if (item.isConnected && "moveBefore" in parent) return void (parent as MovableParent).moveBefore(item, before);
  const focused = document.activeElement;
  const inside = focused instanceof HTMLElement && item.contains(focused) ? focused : null;
  parent.insertBefore(item, before);
  if (inside && document.activeElement !== inside) inside.focus({ preventScroll: true });
}

/** Says something to people who use a screen reader. */
export function announce(text: string): void {
  setText(byId("announcer"), text);
}

/** Runs `work` at most once per `ms` milliseconds: at once when it is due, else at the end of the pause. */
export function throttle(ms: number, work: () => void): () => void {
  let last = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    if (timer !== undefined) return;
    const run = () => {
      timer = undefined;
      last = performance.now();
      work();
    };
    const wait = last + ms - performance.now();
    if (wait <= 0) run();
    else timer = setTimeout(run, wait);
  };
}
