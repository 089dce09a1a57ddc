import type { Value } from "syncline";
import { arrange, h } from "./dom";
import { AVATARS, NAME_CHARS, REPORT_ENTRIES } from "./limits";

/** Somebody who is here now. */
export interface Person {
  replica: string;
  name: string;
  /** `#rrggbb`. */
  color: string;
  /** The card this person is on. */
  card: string | null;
  digest: string | null;
  version: Map<string, number> | null;
}

export const COLORS = ["#2f6fde", "#0d8063", "#b4540a", "#a2348f", "#6a51c9", "#c0364c", "#187c9b", "#6b7a14"];

/** A colour that every page derives alike from a replica id. */
export function colorOf(replica: string): string {
  const sum = [...replica].reduce((total, digit) => (total * 31 + digit.charCodeAt(0)) >>> 0, 7);
  return COLORS[sum % COLORS.length] ?? "#2f6fde";
}

/** The last digits of a replica id: the first ones are its birth time and look alike. */
export const shortId = (replica: string): string => replica.slice(-6);

/** Reads a presence payload. It comes from outside, so every field is checked and a bad one counts as absent. */
export function readPerson(replica: string, state: Value): Person {
  const { name, color, card, digest, version } = fields(state);
  return {
    replica,
    name: typeof name === "string" && name.trim() ? name.trim().slice(0, NAME_CHARS) : `Guest ${shortId(replica)}`,
    color: typeof color === "string" && /^#[0-9a-f]{6}$/i.test(color) ? color : colorOf(replica),
    card: typeof card === "string" ? card : null,
    digest: typeof digest === "string" && /^[0-9a-f]{32}$/.test(digest) ? digest : null,
    version: version === undefined ? null : readVersion(version),
  };
}

function readVersion(value: Value): Map<string, number> {
  const entries = Object.entries(fields(value)).map(([replica, seq]) => [replica, Number(seq)] as const);
  return new Map(entries.filter(([replica, seq]) => /^[0-9a-f]{32}$/.test(replica) && Number.isSafeInteger(seq)).slice(0, REPORT_ENTRIES));
}

function fields(value: Value): { [key: string]: Value } {
  const plain = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return plain ? (value as { [key: string]: Value }) : {};
}

/** A round badge with a person's initials. */
export function avatar(person: Pick<Person, "name" | "color">, props: Record<string, string> = {}): HTMLElement {
  return h("span", { class: "avatar", style: `--person:${person.color}`, title: person.name, ...props }, initials(person.name));
}

function initials(name: string): string {
  const letters = name.split(/\s+/).map((word) => [...word][0] ?? "");
  return letters.slice(0, 2).join("").toUpperCase();
}

/** Draws the row of avatars in the top bar: this person first. */
export function renderAvatars(list: HTMLElement, me: Person, others: Iterable<Person>): void {
  const everybody = [me, ...others];
  const items = everybody.slice(0, AVATARS).map((person) => {
    const self = person === me;
    const props = {
      "data-testid": "presence-avatar",
      "data-replica": person.replica,
      "data-self": String(self),
      "aria-label": self ? `${person.name} (you)` : person.name,
      role: "img",
    };
    return h("li", {}, avatar(person, props));
  });
  const more = everybody.length - items.length;
  if (more > 0) items.push(h("li", { class: "avatar more", "aria-label": `${more} more people` }, `+${more}`));
  list.replaceChildren();
  arrange(list, items);
}
