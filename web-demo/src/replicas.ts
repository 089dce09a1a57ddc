import type { Doc } from "syncline";
import { h, icon, throttle } from "./dom";
import { VECTOR_COLUMNS, VECTOR_ROWS } from "./limits";
import { avatar, shortId, type Person } from "./person";
import type { People } from "./presence";

/** Milliseconds between two drawings: a digest is cheap, but not free. */
const REDRAW_MS = 200;

/** What each replica holds: its digest beside ours, and its version vector, entry by entry. */
export class ReplicasView {
  readonly element = h("section", { class: "replicas", "aria-label": "Replicas" });
  readonly changed = throttle(REDRAW_MS, () => this.draw());

  constructor(doc: Doc, private readonly people: People) {
    doc.subscribe(() => this.changed());
    this.draw();
  }

  private draw(): void {
    const { people } = this;
    const me = people.me();
    const others = [...people.others.values()];
    this.element.replaceChildren(
      h("h2", {}, "Replicas", verdict(me, others)),
      h("ul", { class: "digests" }, this.digestRow(me, me), ...others.slice(0, VECTOR_COLUMNS).map((person) => this.digestRow(person, me))),
      h("h3", {}, "Version vectors"),
      this.vectors(me, others.slice(0, VECTOR_COLUMNS - 1)),
    );
  }

  private digestRow(person: Person, me: Person): HTMLElement {
    const self = person === me;
    const equal = person.digest === null ? "unknown" : String(person.digest === me.digest);
    const mark = { true: "Same state", false: "Different", unknown: "Not told" }[equal] ?? equal;
    return h(
      "li",
      { "data-testid": self ? "own-state" : "peer-digest", "data-replica": person.replica, "data-equal": self ? null : equal, "data-digest": person.digest },
      avatar(person),
      h("span", { class: "who" }, self ? `${person.name} (you)` : person.name),
      self
        ? h("code", { "data-testid": "digest", title: "Digest of the whole document" }, person.digest ?? "")
        : h("code", { title: person.digest ?? "This replica does not tell its digest" }, person.digest?.slice(0, 12) ?? ""),
      self ? null : h("span", { class: "mark" }, equal === "unknown" ? null : icon(equal === "true" ? "check" : "differs"), mark),
    );
  }

  /** One row for each replica that ever wrote, those that are here first, then the newest; one column for each replica that is here. */
  private vectors(me: Person, others: Person[]): HTMLElement {
    const here = [me, ...others];
    const writers = new Set(here.flatMap((person) => [...(person.version?.keys() ?? [])]));
    const rows = [...writers].sort((a, b) => rank(a, here) - rank(b, here) || (a < b ? 1 : -1));
    const more = rows.length - VECTOR_ROWS;
    return h(
      "div",
      { class: "vectors" },
      h(
        "table",
        { "data-testid": "version-vector" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Written by"), ...here.map((person) => h("th", { scope: "col" }, avatar(person))))),
        h("tbody", {}, ...rows.slice(0, VECTOR_ROWS).map((replica) => this.vectorRow(replica, here))),
      ),
      more > 0 ? h("p", { class: "hint" }, `and ${more} older ${more === 1 ? "replica" : "replicas"}`) : null,
      rows.length === 0 ? h("p", { class: "hint" }, "Nobody has written anything yet.") : null,
    );
  }

  private vectorRow(replica: string, here: Person[]): HTMLElement {
    const mine = here[0]?.version?.get(replica) ?? 0;
    const name = replica === here[0]?.replica ? "You" : (this.people.knownName(replica) ?? "Replica");
    const cells = here.map(({ version }) => {
      const seq = version?.get(replica);
      const differs = version !== null && (seq ?? 0) !== mine;
      return h("td", { class: differs ? "differs" : null }, seq === undefined ? "–" : String(seq));
    });
    return h(
      "tr",
      { "data-testid": "version-entry", "data-replica": replica, "data-seq": mine },
      h("th", { scope: "row", title: replica, style: `--person:${this.people.colorOf(replica)}` }, name, " ", h("code", {}, shortId(replica))),
      ...cells,
    );
  }
}

/** This replica first, then those that are here, then the rest. */
function rank(replica: string, here: Person[]): number {
  const index = here.findIndex((person) => person.replica === replica);
  return index === -1 ? here.length : index;
}

function verdict(me: Person, others: Person[]): HTMLElement | null {
  const told = others.filter((person) => person.digest !== null);
  if (told.length === 0) return null;
  const same = told.every((person) => person.digest === me.digest);
  const text = same ? `all ${told.length + 1} equal` : "catching up";
  return h("span", { class: "verdict", "data-testid": "convergence", "data-equal": String(same) }, text);
}
