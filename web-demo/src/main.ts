import type { Connection, Doc, Persistence } from "syncline";
import { Activity } from "./activity";
import { Board } from "./board";
import { byId, h, setText } from "./dom";
import { BoardModel } from "./model";
import { notice } from "./notices";
import { buildPanel } from "./panel";
import { renderAvatars } from "./person";
import { People } from "./presence";
import { ReplicasView } from "./replicas";
import { openSession, readParams } from "./session";
import { StatusView } from "./status";

declare global {
  interface Window {
    /** For tests and the curious: the document behind the page. */
    syncline?: { doc: Doc; connection: Connection; persistence: Persistence | null };
  }
}

const UNDO_MS = 8_000;
const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function start(): Promise<void> {
  const params = readParams(location);
  setText(document.querySelector<HTMLElement>(".room")!, params.room);
  document.title = `${params.room} · Syncline board`;

  const { doc, connection, persistence } = await openSession(params, (reason) =>
    notice(`This browser keeps nothing on disk, so unsaved changes are lost on reload: ${reason}`, { kind: "error" }),
  );
  window.syncline = { doc, connection, persistence };

  let redraw = { board: () => {}, people: () => {} };
  const people = new People(doc, connection, params.name, () => redraw.people());
  const model = new BoardModel(doc, () => redraw.board());
  const onDeleted = (what: string, undo: () => void) => notice(what, { for: UNDO_MS, action: { label: "Undo", run: undo } });
  const board = new Board(byId("board"), { model, people, onDeleted }, () => people.name);
  const activity = new Activity(doc, model, people, connection);
  const replicas = new ReplicasView(doc, people);
  const status = new StatusView(connection, params.relay, persistence ? "browser" : "tab");
  buildPanel(people, { status: status.element, activity: activity.element, replicas: replicas.element });
  redraw = {
    board: () => board.changed(),
    people: () => {
      renderAvatars(byId("people"), people.me(), people.others.values());
      board.showPeople();
      activity.showPeople();
      replicas.changed();
    },
  };
  board.render();
  redraw.people();
  connection.on("error", (error) => notice(message(error), { kind: "error" }));
}

/** Nothing can be shown without a document: says why in its place. */
function giveUp(error: unknown): void {
  document.documentElement.classList.add("failed");
  const text = h("p", { "data-testid": "error-message" }, message(error));
  byId("board").replaceChildren(h("div", { class: "empty", role: "alert" }, h("h2", {}, "The board could not be opened"), text));
}

addEventListener("error", ({ message: text }) => notice(text, { kind: "error" }));
addEventListener("unhandledrejection", ({ reason }) => notice(message(reason), { kind: "error" }));
start().catch(giveUp);
