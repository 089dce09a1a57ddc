import { connect, Doc, init, persist, type Connection, type Persistence } from "syncline";
import { NAME_CHARS } from "./limits";
import { keep, recall } from "./memory";
import { colorOf } from "./person";

/** What the address of the page says, with defaults. */
export interface Params {
  relay: string;
  room: string;
  name: string;
}

/** One open document with its connection and, where the browser allows it, its local store. */
export interface Session {
  params: Params;
  doc: Doc;
  connection: Connection;
  persistence: Persistence | null;
}

const ADJECTIVES = ["Calm", "Bright", "Quiet", "Brave", "Kind", "Swift", "Warm", "Clear"];
const ANIMALS = ["Otter", "Heron", "Lynx", "Finch", "Marten", "Whale", "Robin", "Hare"];
const pick = (list: string[]): string => list[Math.floor(Math.random() * list.length)] ?? "Guest";

/** Reads `relay`, `room` and `name` from the page address. Throws a readable error for a relay that is no WebSocket address. */
export function readParams(location: Location): Params {
  const query = new URLSearchParams(location.search);
  const secure = location.protocol === "https:" ? "wss" : "ws";
  const relay = query.get("relay") || `${secure}://${location.hostname || "localhost"}:7171/sync`;
  if (!URL.canParse(relay) || !/^wss?:$/.test(new URL(relay).protocol)) {
    throw new Error(`"${relay}" is not a relay address. Say ?relay=ws://host:7171/sync in the address of this page.`);
  }
  const given = query.get("name")?.trim() || recall("tab", "name") || `${pick(ADJECTIVES)} ${pick(ANIMALS)}`;
  const name = given.slice(0, NAME_CHARS);
  // A name, given or made up, stays with its tab.
  keep("tab", "name", name);
  return { relay, room: query.get("room") || "demo", name };
}

/** Loads the document from IndexedDB, then connects. `onLocalOnly` is told when the browser has no local store to offer. */
export async function openSession(
  params: Params,
  onLocalOnly: (reason: string) => void,
): Promise<Session> {
  await init();
  const doc = new Doc();
  let persistence: Persistence | null = null;
  try {
    persistence = await persist(doc, { name: `syncline-board ${params.room} ${params.relay}` });
  } catch (error) {
    onLocalOnly(error instanceof Error ? error.message : String(error));
  }
  const connection = connect(params.relay, { room: params.room, doc, presence: { name: params.name, color: colorOf(doc.replica) } });
  return { params, doc, connection, persistence };
}
