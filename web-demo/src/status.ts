import type { Connection } from "syncline";
import { byId, h, setText } from "./dom";
import { keep, recall } from "./memory";

const LABEL: Record<string, string> = {
  offline: "Offline",
  connecting: "Connecting",
  syncing: "Syncing",
  live: "Live",
  stopped: "Stopped",
};

/** Shows the state of the connection truthfully, in the top bar and in the panel, and holds the offline switch. */
export class StatusView {
  readonly element: HTMLElement;
  private readonly state = h("strong", { "data-testid": "connection-state" });
  private readonly retry = h("span", { class: "retry", "data-testid": "retry-in" });
  private readonly unsaved = h("b", { "data-testid": "unsaved-count" });
  private readonly saved = h("span");
  /** Whether the relay was asked since the page was loaded; before that, what it has on disk is not known here. */
  private compared = false;
  private readonly toggle = byId("offline-switch");

  constructor(
    private readonly connection: Connection,
    relay: string,
    /** Who keeps what the relay does not have yet. */
    private readonly keeper: "browser" | "tab",
  ) {
    this.element = h(
      "section",
      { class: "status", "aria-label": "Connection" },
      h("p", { class: "state-line" }, h("span", { class: "pill-dot", "aria-hidden": "true" }), this.state, this.retry),
      h("p", { class: "unsaved-line" }, this.unsaved, " ", this.saved),
      h("p", { class: "relay", title: "Relay" }, relay),
    );
    connection.on("status", () => this.draw());
    setInterval(() => this.drawRetry(), 250);
    this.toggle.addEventListener("click", () => this.setOffline(this.toggle.getAttribute("aria-checked") !== "true"));
    // The switch is this tab's wish: it outlives a reload.
    if (recall("tab", "offline") !== null) this.setOffline(true);
    this.draw();
  }

  private setOffline(offline: boolean): void {
    this.toggle.setAttribute("aria-checked", String(offline));
    keep("tab", "offline", offline ? "yes" : null);
    if (offline) this.connection.offline();
    else this.connection.online();
    this.draw();
  }

  private draw(): void {
    const { state, unsaved } = this.connection.status;
    document.documentElement.dataset.connection = state;
    document.documentElement.classList.toggle("has-unsaved", unsaved > 0);
    this.state.dataset.state = state;
    setText(this.state, LABEL[state] ?? state);
    setText(this.unsaved, String(unsaved));
    this.compared ||= state === "live";
    setText(this.saved, this.explain(unsaved));
    setText(byId("pill-state"), LABEL[state] ?? state);
    setText(byId("pill-unsaved"), unsaved === 0 ? "" : ` · ${unsaved}`);
    setText(byId("pill-word"), unsaved === 0 ? "" : this.compared ? " unsaved" : " to check");
    this.drawRetry();
  }

  private explain(unsaved: number): string {
    if (unsaved === 0) return this.compared ? "unsaved changes, all on the relay’s disk" : "unsaved changes";
    const changes = unsaved === 1 ? "change" : "changes";
    return this.compared ? `unsaved ${changes}, kept in this ${this.keeper}` : `${changes} to check with the relay`;
  }

  private drawRetry(): void {
    const { state, retryAt } = this.connection.status;
    const seconds = retryAt === undefined || retryAt === null ? null : Math.max(0, Math.ceil((Number(retryAt) - Date.now()) / 1000));
    const waiting = seconds !== null && state !== "live" && state !== "syncing";
    setText(this.retry, waiting ? `next try in ${seconds} s` : "");
  }
}
