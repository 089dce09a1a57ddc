import { SynclineError } from "./errors.js";

/** What the relay speaks. */
const SUBPROTOCOL = "syncline.1";
/**
 * The code for a connection that ended without one.
 * @internal
 */
export const ABNORMAL = 1006;

type WebSocketClass = new (url: string, protocols?: string[]) => WebSocket;

let fallback: (() => WebSocketClass | undefined) | undefined;

/**
 * Names where to find a WebSocket class on a platform that has none of its own.
 * @internal
 */
export function setWebSocketFallback(find: () => WebSocketClass | undefined): void {
  fallback = find;
}

/**
 * Returns the WebSocket class of the platform.
 * @internal
 */
export function platformWebSocket(): WebSocketClass {
  const found = (globalThis as { WebSocket?: WebSocketClass }).WebSocket ?? fallback?.();
  if (found) return found;
  throw new SynclineError("no-websocket", "this platform has no WebSocket: run `npm install ws`, or hand connect() a WebSocket class");
}

/**
 * Returns the address of the relay's socket: `ws:` or `wss:`, at `/sync` unless a path is given.
 * @internal
 */
export function relayUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new SynclineError("invalid-url", `"${text}" is no address: it must look like ws://127.0.0.1:7171`, { cause });
  }
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw new SynclineError("invalid-url", `"${text}" must begin with ws://, wss://, http:// or https://`);
  }
  if (url.pathname === "/") url.pathname = "/sync";
  url.hash = "";
  return url.href;
}

/**
 * Receives what a socket says.
 * @internal
 */
export interface SocketHandler {
  opened(): void;
  received(bytes: Uint8Array): void;
  /** The end, exactly once; also if there was no beginning. */
  closed(code: number): void;
}

/**
 * One WebSocket that reports each thing once and nothing after {@link close}.
 * @internal
 */
export class Socket {
  readonly #socket: WebSocket | undefined;
  #handler: SocketHandler | undefined;

  constructor(factory: WebSocketClass, url: string, handler: SocketHandler) {
    this.#handler = handler;
    try {
      this.#socket = new factory(url, [SUBPROTOCOL]);
    } catch {
      // Refused at once, e.g. ws: from an https: page; told later, because the caller does not know this socket yet.
      queueMicrotask(() => this.#end(ABNORMAL));
      return;
    }
    const socket = this.#socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#handler?.opened();
    socket.onmessage = (event: MessageEvent) => {
      if (event.data instanceof ArrayBuffer) this.#handler?.received(new Uint8Array(event.data));
    };
    // An error is always followed by a close; `ws` throws errors that nobody listens to.
    socket.onerror = () => undefined;
    socket.onclose = (event: CloseEvent) => this.#end(event.code || ABNORMAL);
  }

  /** Bytes that wait to be sent. */
  get buffered(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  send(bytes: Uint8Array): void {
    if (this.#socket?.readyState === 1) this.#socket.send(bytes as Uint8Array<ArrayBuffer>);
  }

  close(): void {
    this.#handler = undefined;
    this.#socket?.close(1000);
  }

  #end(code: number): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.closed(code);
  }
}
