import type { Connection, Doc, Value } from "syncline";
import { throttle } from "./dom";
import { NAMES_KEPT, REPORT_ENTRIES, REPORT_MS } from "./limits";
import { keep, recall } from "./memory";
import { COLORS, colorOf, readPerson, shortId, type Person } from "./person";

/** Who is here: tells the others about this page and reads what they tell. */
export class People {
  readonly others = new Map<string, Person>();
  private readonly names = loadNames();
  private color: string;
  private card: string | null = null;
  private readonly report = throttle(REPORT_MS, () => this.send());

  constructor(
    private readonly doc: Doc,
    private readonly connection: Connection,
    private myName: string,
    private readonly changed: () => void,
  ) {
    this.color = colorOf(doc.replica);
    this.remember(doc.replica, myName);
    connection.on("presence", (changes) => this.meet(changes.map(({ client, state }) => [client, state])));
    doc.subscribe(() => this.report());
    this.meet([...connection.presence]);
    this.report();
  }

  get name(): string {
    return this.myName;
  }

  /** This person, as the others see it, with the complete version vector. */
  me(): Person {
    const { doc, color, card } = this;
    const version = new Map(doc.versionEntries().map(({ replica, seq }) => [replica, seq]));
    return { replica: doc.replica, name: this.myName, color, card, digest: doc.digest(), version };
  }

  /** The name of a replica that is or was here. */
  knownName(replica: string): string | undefined {
    return this.names.get(replica);
  }

  /** The same, or a name made of its id. */
  nameOf(replica: string): string {
    return this.knownName(replica) ?? `Replica ${shortId(replica)}`;
  }

  colorOf(replica: string): string {
    if (replica === this.doc.replica) return this.color;
    return this.others.get(replica)?.color ?? colorOf(replica);
  }

  /** The others who are on a card. */
  onCard(card: string): Person[] {
    return [...this.others.values()].filter((person) => person.card === card);
  }

  setName(name: string): void {
    this.myName = name;
    this.remember(this.doc.replica, name);
    this.send();
    this.changed();
  }

  /** Says which card this person is on; at once, unlike the version report. */
  setCard(card: string | null): void {
    if (card === this.card) return;
    this.card = card;
    this.send();
  }

  private meet(changes: [replica: string, state: Value | undefined][]): void {
    for (const [replica, state] of changes) {
      if (replica === this.doc.replica) continue;
      if (state === undefined) {
        this.others.delete(replica);
        continue;
      }
      const person = readPerson(replica, state);
      this.others.set(replica, person);
      this.remember(replica, person.name);
    }
    this.avoidColorOfOthers();
    this.changed();
  }

  /** Where two have the same colour, the younger one takes another. */
  private avoidColorOfOthers(): void {
    const others = [...this.others.values()];
    if (!others.some((other) => other.color === this.color && other.replica < this.doc.replica)) return;
    const free = COLORS.find((color) => others.every((other) => other.color !== color));
    if (free === undefined) return;
    this.color = free;
    this.send();
  }

  private send(): void {
    const { name, color, card, digest, version } = this.me();
    // Replica ids start with their birth time: the last ones in order are the newest.
    const newest = [...(version ?? [])].sort(([a], [b]) => (a < b ? 1 : -1)).slice(0, REPORT_ENTRIES);
    const state: { [key: string]: Value } = { name, color, digest, version: Object.fromEntries(newest) };
    if (card !== null) state.card = card;
    this.connection.setPresence(state);
  }

  private remember(replica: string, name: string): void {
    if (this.names.get(replica) === name) return;
    this.names.delete(replica);
    this.names.set(replica, name);
    keep("browser", "names", JSON.stringify([...this.names].slice(-NAMES_KEPT)));
  }
}

function loadNames(): Map<string, string> {
  try {
    const entries: unknown = JSON.parse(recall("browser", "names") ?? "[]");
    return new Map(Array.isArray(entries) ? entries.filter((entry) => Array.isArray(entry) && entry.length === 2) : []);
  } catch {
    return new Map();
  }
}
