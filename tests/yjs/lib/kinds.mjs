/**
 * The clients under test, each unmodified, behind one small face: a text, presence, and whether everything is saved.
 *
 * What a client of y-websocket has sent counts as saved when the relay has echoed it; Hocuspocus counts by itself.
 */

import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import { WebsocketProvider as WebsocketProvider4 } from "@y/websocket";
import * as Y14 from "@y/y";
import WebSocket from "ws";
import { WebsocketProvider as WebsocketProvider2 } from "y-websocket-2";
import { WebsocketProvider as WebsocketProvider3 } from "y-websocket-3";
import * as Y from "yjs";

// Providers of y-websocket listen for the end of the process, each for itself.
process.setMaxListeners(0);

const hex = (bytes) => Buffer.from(bytes).toString("hex");

/** A socket that notes which of the updates that went out have not come back. */
function watching(client) {
  return class extends WebSocket {
    constructor(...args) {
      super(...args);
      client.unechoed.clear();
      this.on("message", (data) => {
        const frame = new Uint8Array(data);
        if (frame[0] === 0 && frame[1] === 2) client.unechoed.delete(hex(frame.subarray(2)));
        if (frame[0] === 2) client.warnings.push(Buffer.from(frame.subarray(3)).toString("utf8"));
        client.frames.push(frame);
      });
      this.on("close", (code) => client.closes.push(code));
      this.on("error", () => undefined);
    }

    send(data) {
      const bytes = new Uint8Array(data);
      if (bytes[0] === 0 && bytes[1] > 0) client.unechoed.add(hex(bytes.subarray(2)));
      super.send(data);
    }
  };
}

class Client {
  /** Updates that were sent and not echoed. */
  unechoed = new Set();
  /** Codes of the closes so far. */
  closes = [];
  /** What the relay said against this client. */
  warnings = [];
  /** Frames that came. */
  frames = [];

  get value() {
    return this.text.toString();
  }

  write(words) {
    this.text.insert(this.text.length, words);
  }

  /** The states of others, by client id. */
  get others() {
    return [...this.awareness.getStates()].filter(([id]) => id !== this.awareness.clientID);
  }
}

class SyncClient extends Client {
  constructor({ Provider, doc, text }, url, room, { token, backoff = 100 } = {}) {
    super();
    [this.doc, this.text] = [doc, text];
    const params = token ? { token } : {};
    this.provider = new Provider(`${url}/yjs`, room, doc, {
      params,
      WebSocketPolyfill: watching(this),
      maxBackoffTime: backoff,
      disableBc: true,
    });
    this.awareness = this.provider.awareness;
  }

  get synced() {
    return this.provider.synced;
  }

  get saved() {
    return this.synced && this.provider.wsconnected && this.unechoed.size === 0;
  }

  disconnect() {
    this.provider.disconnect();
  }

  connect() {
    this.provider.connect();
  }

  close() {
    this.provider.destroy();
    this.doc.destroy();
  }
}

class HocuspocusClient extends Client {
  constructor(url, room, { token = null, socket, doc = new Y.Doc(), backoff = 100, sessionAwareness = false } = {}) {
    super();
    this.doc = doc;
    this.text = doc.getText("t");
    const client = this;
    class Polyfill extends WebSocket {
      constructor(...args) {
        super(...args);
        this.on("close", (code) => client.closes.push(code));
        this.on("error", () => undefined);
      }
    }
    this.ownsSocket = !socket;
    this.socket = socket ?? new HocuspocusProviderWebsocket({
      url: `${url}/hocuspocus`,
      WebSocketPolyfill: Polyfill,
      delay: backoff,
      minDelay: 10,
      maxDelay: backoff,
    });
    this.provider = new HocuspocusProvider({
      websocketProvider: this.socket,
      name: room,
      document: doc,
      token,
      sessionAwareness,
      onAuthenticationFailed: ({ reason }) => this.warnings.push(reason),
    });
    this.provider.attach();
    this.awareness = this.provider.awareness;
  }

  get synced() {
    return this.provider.synced;
  }

  get saved() {
    return this.socket.status === "connected" && this.provider.isAuthenticated && !this.provider.hasUnsyncedChanges;
  }

  disconnect() {
    this.socket.disconnect();
  }

  connect() {
    return this.socket.connect();
  }

  close() {
    this.provider.destroy();
    if (this.ownsSocket) this.socket.destroy();
    this.doc.destroy();
  }
}

function yjs13() {
  const doc = new Y.Doc();
  return { doc, text: doc.getText("t") };
}

function yjs14() {
  const doc = new Y14.Doc();
  return { doc, text: doc.get("t") };
}

/** Makes a client of each kind: `open(url, room, options)`. */
export const KINDS = {
  "y-websocket 2.1": (...where) => new SyncClient({ Provider: WebsocketProvider2, ...yjs13() }, ...where),
  "y-websocket 3.1": (...where) => new SyncClient({ Provider: WebsocketProvider3, ...yjs13() }, ...where),
  "@y/websocket 4.0.0-3": (...where) => new SyncClient({ Provider: WebsocketProvider4, ...yjs14() }, ...where),
  "@hocuspocus/provider 4.8": (...where) => new HocuspocusClient(...where),
};

/** The kinds that speak the dialect of y-websocket. */
export const isSync = (kind) => !kind.startsWith("@hocuspocus");
