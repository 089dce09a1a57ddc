import type { AckLevel, ChangeEvent, Connection, Doc } from "syncline";
import { describe, Titles, type Deed } from "./describe";
import { h, setText } from "./dom";
import { ACTIVITY_ITEMS, ACTIVITY_JOIN_MS } from "./limits";
import type { BoardModel } from "./model";
import type { People } from "./presence";

/** How far a local change has come. `waiting`: only this browser has it. */
export type Level = "waiting" | AckLevel;

const LEVELS: AckLevel[] = ["accepted", "stored", "durable"];
const MEANING: Record<Level, string> = {
  waiting: "Only in this browser so far",
  accepted: "The relay has it in memory",
  stored: "Written by the relay; survives a crash of the process",
  durable: "On the relay's disk; survives a power cut",
};

interface Item {
  deed: Deed;
  /** Own sequence numbers of the change: its dots. Zero for a change that somebody else made. */
  first: number;
  last: number;
  at: number;
  element: HTMLLIElement;
  who: HTMLElement;
  dot: HTMLElement;
  level: HTMLElement;
}

/** The list of recent changes: the own ones with the level each has reached, the others with who made them. */
export class Activity {
  readonly element = h("ol", { class: "activity", tabindex: 0, "data-testid": "activity", "aria-label": "Recent changes" });
  private readonly items: Item[] = [];
  private readonly acked: Record<AckLevel, number> = { accepted: 0, stored: 0, durable: 0 };
  private readonly titles: Titles;
  private batch: ChangeEvent[] = [];
  private seen: number;

  constructor(
    private readonly doc: Doc,
    model: BoardModel,
    private readonly people: People,
    connection: Connection,
  ) {
    this.titles = new Titles(model);
    this.seen = this.ownSeq();
    this.element.append(h("li", { class: "hint" }, "Changes show up here as they are made."));
    doc.subscribe((event) => this.collect(event));
    connection.on("ack", ({ level, seq }) => this.ack(level, seq));
  }

  /** Puts names and colours to changes that arrived before their authors had introduced themselves. */
  showPeople(): void {
    for (const { deed, element, who } of this.items) {
      if (!deed.local) setText(who, this.people.nameOf(deed.by));
      element.style.setProperty("--person", this.people.colorOf(deed.by));
    }
  }

  private ownSeq(): number {
    return this.doc.versionEntries().find(({ replica }) => replica === this.doc.replica)?.seq ?? 0;
  }

  private collect(event: ChangeEvent): void {
    this.batch.push(event);
    if (this.batch.length > 1) return;
    queueMicrotask(() => {
      const events = this.batch;
      this.batch = [];
      for (const deed of describe(events, this.titles)) this.add(deed);
      this.titles.learn();
      this.seen = this.ownSeq();
    });
  }

  private add(deed: Deed): void {
    const newest = this.items[0];
    const now = Date.now();
    const last = deed.local ? this.ownSeq() : 0;
    if (newest && deed.joinKey !== null && newest.deed.joinKey === deed.joinKey && now - newest.at < ACTIVITY_JOIN_MS) {
      newest.last = last;
      newest.at = now;
      return this.draw(newest);
    }
    if (this.items.length === 0) this.element.replaceChildren();
    const item = this.build(deed, deed.local ? Math.min(this.seen + 1, last) : 0, last, now);
    this.items.unshift(item);
    this.element.prepend(item.element);
    this.draw(item);
    while (this.items.length > ACTIVITY_ITEMS) this.items.pop()?.element.remove();
  }

  private build(deed: Deed, first: number, last: number, at: number): Item {
    const who = h("b", {}, deed.local ? "You" : this.people.nameOf(deed.by));
    const dot = h("code", { class: "dot", "data-testid": "activity-dot" });
    const level = h("span", { class: "level-name" });
    const track = h("span", { class: "pips", "aria-hidden": "true" }, ...LEVELS.map(() => h("i")));
    const time = new Date(at).toLocaleTimeString("en-GB");
    const element = h(
      "li",
      {
        "data-testid": "activity-item",
        "data-origin": deed.local ? "local" : "remote",
        "data-by": deed.by,
        style: `--person:${this.people.colorOf(deed.by)}`,
      },
      h("p", {}, who, ` ${deed.text}`),
      h("div", { class: "trace" }, h("time", {}, time), dot, deed.local ? h("span", { class: "level" }, track, level) : null),
    );
    return { deed, first, last, at, element, who, dot, level };
  }

  private draw(item: Item): void {
    if (!item.deed.local) return;
    const level = this.levelOf(item.last);
    item.element.dataset.level = level;
    item.element.title = MEANING[level];
    setText(item.level, level);
    setText(item.dot, item.first < item.last ? `#${item.first}–${item.last}` : `#${item.last}`);
  }

  private levelOf(seq: number): Level {
    return LEVELS.findLast((level) => this.acked[level] >= seq) ?? "waiting";
  }

  private ack(level: AckLevel, seq: number): void {
    this.acked[level] = Math.max(this.acked[level], seq);
    for (const item of this.items) if (item.element.dataset.level !== "durable") this.draw(item);
  }
}
