import { type Doc, engineOf } from "./doc.js";
import type { Engine } from "./engine.js";
import { SynclineError } from "./errors.js";
import type { Unsubscribe } from "./events.js";
import { INPUT, OUTPUT, type RawStatus } from "./raw.js";
import { report } from "./report.js";
import { ABNORMAL, Socket, platformWebSocket, relayUrl } from "./socket.js";
import { type TokenSource, Tokens } from "./token.js";
import type { AckLevel, Value } from "./value.js";
import { VERSION } from "./version.js";

/** Options of {@link connect}. */
export interface ConnectOptions {
  /** The name of the shared document at the relay. */
  room: string;
  /** The local copy. */
  doc: Doc;
  /** What the relay wants to see before it lets this client in, or a function that gets it whenever one is needed. */
  token?: TokenSource;
  /** The class to connect with; that of the platform when not said, in Node 20 that of the package `ws`. */
  WebSocket?: new (url: string, protocols?: string[]) => WebSocket;
  /** What the others see of this client while it is connected, e.g. a name and a cursor. */
  presence?: Value;
}

/**
 * How a connection stands.
 *
 * `"offline"`: switched off. `"connecting"`: no link; tries again by itself. `"syncing"`: linked, catching up.
 * `"live"`: changes go through as they happen. `"stopped"`: the relay refuses this client; it does not try again.
 */
export type ConnectionState = "offline" | "connecting" | "syncing" | "live" | "stopped";

/** What {@link Connection.status} tells. */
export interface ConnectionStatus {
  readonly state: ConnectionState;
  /** How many changes are here of which the relay has not said that they are durable. */
  readonly unsaved: number;
  /** When the next attempt to connect is made, in milliseconds since 1970. */
  readonly retryAt?: number;
  /** The relay's name and version, while linked. */
  readonly relay?: string;
}

/** A client that came, changed what it shows, or left. */
export interface PresenceChange {
  /** The replica id of the client. */
  readonly client: string;
  /** What it shows; absent when it left. */
  readonly state?: Value;
}

/** How far the relay has this replica's writes. */
export interface Ack {
  readonly level: AckLevel;
  /** Every write of this replica up to this number is at the level. */
  readonly seq: number;
}

/**
 * A replica writes under another id from now on, and its writes are counted anew.
 *
 * That happens to one which comes back after the relay has retired the ids of those who are gone, or which is a copy of
 * another. Its writes up to number `taken` of the id `from` were at the relay; those after it were renamed, and reach it
 * exactly once. The rights of bounded counters stay with the old id until {@link SyncBoundedCounter.adopt}.
 */
export interface Renewal {
  readonly from: string;
  readonly taken: number;
  readonly to: string;
}

/**
 * An error that the relay reported, e.g. `"unauthorized"` for a token that it refuses; or `"token-failed"`, if the function
 * that gets tokens fails, with its error as the `cause`.
 */
export class RelayError extends SynclineError {
  /** Whether trying again may help; the connection then does so by itself. */
  readonly temporary: boolean;

  constructor(code: string, message: string, temporary: boolean, options?: ErrorOptions) {
    super(code, message, options);
    this.name = "RelayError";
    this.temporary = temporary;
  }
}

/** What {@link Connection.on} can listen to, and what the listeners are given. */
export interface ConnectionEvents {
  status: ConnectionStatus;
  presence: PresenceChange[];
  error: RelayError;
  ack: Ack;
  renewed: Renewal;
}

const LEVELS: readonly AckLevel[] = ["accepted", "stored", "durable"];
/** Bytes that may wait in the socket before the sending pauses. */
const MAX_BUFFERED = 1024 * 1024;
const STATES: readonly ConnectionState[] = ["offline", "connecting", "syncing", "live", "stopped"];

type Listeners = { [K in keyof ConnectionEvents]: Set<(event: ConnectionEvents[K]) => void> };

/**
 * Keeps a document in step with a room of a relay, for as long as it is not closed.
 *
 * Opens the connection at once, reconnects by itself with growing pauses, and sends what was written offline. A
 * document has one connection at a time.
 *
 * ```ts
 * const connection = connect("wss://relay.example.org", { room: "board", doc });
 * await connection.synced();
 * await doc.map().set("title", "Plan").acked(); // on the relay's disk
 * ```
 */
export function connect(url: string, options: ConnectOptions): Connection {
  return new Connection(url, options);
}

/** A document's link to a room; made by {@link connect}. */
export class Connection {
  readonly #engine: Engine;
  readonly #url: string;
  readonly #factory: new (url: string, protocols?: string[]) => WebSocket;
  readonly #presence = new Map<string, Value>();
  readonly #listeners: Listeners = { status: new Set(), presence: new Set(), error: new Set(), ack: new Set(), renewed: new Set() };
  readonly #waiting = new Set<{ resolve(): void; reject(error: SynclineError): void }>();
  readonly #undo: (() => void)[] = [];
  readonly #tokens: Tokens;
  #status: ConnectionStatus = { state: "offline", unsaved: 0 };
  #socket: Socket | undefined;
  #lastError: RelayError | undefined;
  #closed = false;

  /** @internal */
  constructor(url: string, options: ConnectOptions) {
    const engine = engineOf(options.doc);
    if (typeof options.room !== "string" || options.room === "") {
      throw new SynclineError("invalid-option", "connect() needs the name of a room");
    }
    if (engine.link) {
      throw new SynclineError("already-connected", "this Doc is connected already: close that connection first, or use another Doc");
    }
    this.#engine = engine;
    this.#url = relayUrl(url);
    this.#factory = options.WebSocket ?? platformWebSocket();
    engine.pump();
    this.#tokens = new Tokens(options.token, {
      take: (token) => {
        engine.raw.input(INPUT.token, token, engine.now());
        engine.schedule();
      },
      failed: (cause) => this.#tokenFailed(cause),
    });
    engine.raw.open(options.room, `syncline-js/${VERSION}`, this.#tokens.fixed);
    if (options.presence !== undefined) engine.raw.input(INPUT.presence, options.presence, engine.now());
    engine.acks.restart();
    engine.link = (kind, payload) => this.#perform(kind, payload);
    engine.isCongested = () => (this.#socket?.buffered ?? 0) > MAX_BUFFERED;
    this.#undo.push(engine.onFree(() => this.close()), ...this.#watchPlatform());
    this.online();
  }

  /** How the connection stands now. */
  get status(): ConnectionStatus {
    if (!this.#closed && !this.#engine.freed) this.#status = readStatus(this.#engine.raw.status());
    return this.#status;
  }

  /** What the other connected clients show, by replica id. */
  get presence(): ReadonlyMap<string, Value> {
    return this.#presence;
  }

  /** Calls `listener` at each event of a kind, until the result is called. */
  on<K extends keyof ConnectionEvents>(kind: K, listener: (event: ConnectionEvents[K]) => void): Unsubscribe {
    const listeners = this.#listeners[kind];
    if (!listeners) {
      throw new SynclineError("invalid-option", `there is no event "${String(kind)}"; there are status, presence, error, ack and renewed`);
    }
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Shows `state` to the others; `null` shows nothing but being here. Undelivered older states are dropped. */
  setPresence(state: Value): void {
    this.#assertOpen();
    this.#engine.raw.input(INPUT.presence, state, this.#engine.now());
    this.#engine.schedule();
  }

  /**
   * Gives the relay a fresh token, on the open connection if there is one, and tries again if it has refused this client.
   *
   * One that the relay refuses is told by an `"error"` with the code `"unauthorized"`; the token before it stays in force. A
   * token that was given as a string is replaced; a function is asked again in time before the end of this one.
   */
  renew(token: string): void {
    this.#assertOpen();
    if (typeof token !== "string") throw new SynclineError("invalid-option", "renew() needs a token");
    this.#tokens.renew(token, this.#socket !== undefined);
    if (this.status.state === "stopped") this.online();
  }

  /** Closes the link and keeps it closed until {@link online}. What is written meanwhile is sent then. */
  offline(): void {
    this.#switch(false);
  }

  /** Connects, without waiting for the end of a pause between attempts. */
  online(): void {
    if (this.status.retryAt !== undefined) this.#engine.raw.input(INPUT.online, false, this.#engine.now());
    this.#switch(true);
  }

  /**
   * Resolves when both sides have everything: this copy what the relay had, the relay every change of this copy on disk.
   *
   * Rejects with a {@link SynclineError} when the relay refuses this client, or with `"closed"`.
   */
  synced(): Promise<void> {
    this.#engine.pump();
    if (this.#closed) return Promise.reject(closedError());
    if (this.status.state === "stopped") return Promise.reject(this.#stopError());
    if (this.#isSynced()) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.add({ resolve, reject }));
  }

  /** Ends the connection for good. The document stays usable, and can be connected again. */
  close(): void {
    if (this.#closed) return;
    if (!this.#engine.freed) {
      this.offline();
      this.#engine.raw.close();
    }
    this.#closed = true;
    this.#tokens.stop();
    this.#engine.link = undefined;
    this.#engine.isCongested = () => false;
    for (const undo of this.#undo) undo();
    this.#socket?.close();
    this.#socket = undefined;
    this.#rejectWaiting(closedError());
  }

  /** Closes the connection at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #switch(on: boolean): void {
    this.#assertOpen();
    this.#engine.raw.input(INPUT.online, on, this.#engine.now());
    this.#engine.pump();
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }

  #perform(kind: number, payload: unknown): void {
    if (kind === OUTPUT.connect) this.#open();
    else if (kind === OUTPUT.disconnect) this.#hangUp();
    else if (kind === OUTPUT.send) this.#socket?.send(payload as Uint8Array);
    else if (kind === OUTPUT.acked) this.#acked(payload as [number, number]);
    else if (kind === OUTPUT.renewed) this.#renewed(payload as [string, number, string]);
    else if (kind === OUTPUT.presence) this.#met(payload as (string | Value | undefined)[]);
    else if (kind === OUTPUT.status) this.#changed(payload as RawStatus);
    else if (kind === OUTPUT.error) this.#failed(payload as [string, string, boolean]);
  }

  #open(): void {
    this.#hangUp();
    this.#tokens.beforeConnect(() => this.#dial(), () => {
      this.#engine.raw.input(INPUT.disconnected, ABNORMAL, this.#engine.now());
      this.#engine.pump();
    });
  }

  #dial(): void {
    const { now } = this.#engine;
    const socket: Socket = new Socket(this.#factory, this.#url, {
      opened: () => this.#feed(socket, () => this.#engine.raw.input(INPUT.connected, undefined, now())),
      received: (bytes) => this.#feed(socket, () => this.#engine.raw.frame(bytes, now())),
      closed: (code) => this.#feed(socket, () => {
        this.#tokens.stop();
        this.#socket = undefined;
        this.#engine.raw.input(INPUT.disconnected, this.#tokens.closeCode(code), now());
      }),
    });
    this.#socket = socket;
  }

  #hangUp(): void {
    this.#tokens.stop();
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Hands what came from `socket` to the replica, unless another one has taken its place. */
  #feed(socket: Socket, input: () => void): void {
    if (socket !== this.#socket || this.#closed) return;
    input();
    this.#engine.pump();
  }

  #acked([level, seq]: [number, number]): void {
    const ack = { level: LEVELS[level] ?? "accepted", seq };
    this.#engine.acks.advance(ack.level, seq);
    this.#emit("ack", ack);
  }

  #renewed([from, taken, to]: [string, number, string]): void {
    this.#emit("renewed", { from, taken, to });
  }

  #met(flat: (string | Value | undefined)[]): void {
    const changes: PresenceChange[] = [];
    for (let i = 0; i < flat.length; i += 2) {
      const client = flat[i] as string;
      const state = flat[i + 1] as Value | undefined;
      if (state === undefined) this.#presence.delete(client);
      else this.#presence.set(client, state);
      changes.push(state === undefined ? { client } : { client, state });
    }
    this.#emit("presence", changes);
  }

  #changed(status: RawStatus): void {
    this.#status = readStatus(status);
    if (this.#status.state === "live") this.#tokens.accepted();
    if (this.#status.unsaved === 0) this.#engine.acks.saved();
    if (this.#isSynced()) {
      for (const waiter of this.#waiting) waiter.resolve();
      this.#waiting.clear();
    }
    if (this.#status.state === "stopped") {
      this.#engine.acks.close(this.#stopError());
      this.#rejectWaiting(this.#stopError());
    } else {
      this.#engine.acks.reopen();
    }
    this.#emit("status", this.#status);
  }

  #failed([code, message, temporary]: [string, string, boolean]): void {
    this.#report(new RelayError(code, message, temporary));
  }

  #tokenFailed(cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#report(new RelayError("token-failed", `the function that gets tokens failed and is called again later: ${reason}`, true, { cause }));
  }

  #report(error: RelayError): void {
    this.#lastError = error;
    this.#emit("error", error);
  }

  #emit<K extends keyof ConnectionEvents>(kind: K, event: ConnectionEvents[K]): void {
    for (const listener of this.#listeners[kind]) {
      try {
        listener(event);
      } catch (error) {
        report(error);
      }
    }
  }

  #isSynced(): boolean {
    const { state, unsaved } = this.#status;
    return state === "live" && unsaved === 0;
  }

  #stopError(): SynclineError {
    const reason = this.#lastError ? `: ${this.#lastError.message}` : "";
    return new SynclineError("stopped", `the relay refuses this client${reason}`, { cause: this.#lastError });
  }

  #rejectWaiting(error: SynclineError): void {
    for (const waiter of this.#waiting) waiter.reject(error);
    this.#waiting.clear();
  }

  /** Lets the browser's news shorten the pause before the next attempt. */
  #watchPlatform(): (() => void)[] {
    const wake = (): void => {
      if (this.#closed || this.#engine.freed) return;
      if (this.status.retryAt !== undefined) this.online();
      else this.#engine.raw.input(INPUT.tick, undefined, this.#engine.now());
      this.#engine.pump();
    };
    const seen = (): void => {
      if (document.visibilityState === "visible") wake();
    };
    const undo: (() => void)[] = [];
    if (typeof addEventListener === "function" && typeof removeEventListener === "function") {
      addEventListener("online", wake);
      undo.push(() => removeEventListener("online", wake));
    }
    if (typeof document !== "undefined") {
      document.addEventListener("visibilitychange", seen);
      undo.push(() => document.removeEventListener("visibilitychange", seen));
    }
    return undo;
  }
}

function readStatus([state, unsaved, retryAt, relay]: RawStatus): ConnectionStatus {
  return {
    state: STATES[state] ?? "offline",
    unsaved,
    ...(retryAt === undefined ? undefined : { retryAt }),
    ...(relay === undefined ? undefined : { relay }),
  };
}

function closedError(): SynclineError {
  return new SynclineError("closed", "this connection was closed: connect() makes a new one");
}
