import { ABNORMAL } from "./socket.js";

/**
 * A token for the relay, or a function that gets one.
 *
 * The function is called for each attempt to connect. If what it gives is a JWT, it is called again when four fifths of the
 * token's time are over, and the relay is told the fresh one without a new connection. Any other token is asked for again
 * when the relay closes because the old one has ended. `undefined` is no token.
 */
export type TokenSource = string | (() => string | undefined | Promise<string | undefined>);

/** The part of a token's time after which a fresh one is asked for. */
const PART = 0.8;
/** Shortest time between two fresh tokens, in milliseconds: a relay takes one in a second. */
const LEAST_MS = 1_100;
/** The longest time `setTimeout` takes, in milliseconds. */
const MOST_MS = 0x7fff_ffff;
/** How long a function may take, in milliseconds. */
const ANSWER_MS = 30_000;
/** The close code for a token that is missing, not valid, revoked or at its end. */
const UNAUTHORIZED = 4401;

/**
 * What {@link Tokens} asks of a connection.
 * @internal
 */
export interface TokenUser {
  /** Takes the next token: the relay is told at once if it is there. */
  take(token: string | undefined): void;
  /** Is told why there is no next token. */
  failed(cause: unknown): void;
}

/**
 * Gets the tokens of one connection, each in time.
 * @internal
 */
export class Tokens {
  readonly #user: TokenUser;
  #source: TokenSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The number of the latest question: what comes for an earlier one is dropped. */
  #question = 0;
  /** A token for the next connection, which then asks nobody. */
  #given: string | undefined;
  /** Goes on with an attempt to connect that waits for a token. */
  #waiting: (() => void) | undefined;
  /** Whether the relay has refused a token and not let this client in since then. */
  #refused = false;

  constructor(source: TokenSource | undefined, user: TokenUser) {
    this.#source = source;
    this.#user = user;
  }

  /** The token, if it is known without asking. */
  get fixed(): string | undefined {
    return typeof this.#source === "string" ? this.#source : undefined;
  }

  /** Calls `ready` when the replica has a token to connect with, or `failed`; at once if there is nobody to ask. */
  beforeConnect(ready: () => void, failed: () => void): void {
    if (typeof this.#source !== "function") return ready();
    if (this.#given !== undefined) {
      this.#use(this.#given);
      this.#given = undefined;
      return ready();
    }
    this.#ask(this.#source, ready, failed);
    this.#waiting = ready;
  }

  /**
   * Takes a token that nobody asked for; without a socket the next one begins with it. In place of a fixed one it stays; a
   * function is asked before its end.
   */
  renew(token: string, hasSocket: boolean): void {
    const ready = this.#waiting;
    this.stop();
    this.#refused = false;
    if (typeof this.#source !== "function") this.#source = token;
    if (hasSocket || ready) this.#use(token);
    else this.#keep(token);
    ready?.();
  }

  /** Says that the relay has let this client in. */
  accepted(): void {
    this.#refused = false;
  }

  /** The close code as the replica should see it: as long as a fresh token may help, a refused one stops nothing. */
  closeCode(code: number): number {
    if (code !== UNAUTHORIZED || typeof this.#source !== "function" || this.#refused) return code;
    this.#refused = true;
    return ABNORMAL;
  }

  /** Asks for nothing more, until the next connection. */
  stop(): void {
    this.#question++;
    this.#waiting = undefined;
    clearTimeout(this.#timer);
  }

  #keep(token: string): void {
    this.#user.take(token);
    this.#given = token;
  }

  #use(token: string | undefined): void {
    this.#user.take(token);
    this.#schedule(token);
  }

  /** Asks again in time before the end of what was got last. */
  #schedule(token: string | undefined): void {
    clearTimeout(this.#timer);
    const source = this.#source;
    const left = token === undefined ? undefined : timeLeft(token, Date.now());
    if (typeof source !== "function" || left === undefined) return;
    const again = (): void => this.#ask(source, () => undefined, () => this.#schedule(token));
    this.#timer = setTimeout(again, Math.min(Math.max(left * PART, LEAST_MS), MOST_MS));
  }

  #ask(source: () => string | undefined | Promise<string | undefined>, ready: () => void, failed: () => void): void {
    const question = ++this.#question;
    const isCurrent = (): boolean => question === this.#question;
    answer(source).then(
      (token) => {
        if (!isCurrent()) return;
        this.#waiting = undefined;
        this.#use(token);
        ready();
      },
      (cause: unknown) => {
        if (!isCurrent()) return;
        this.#user.failed(cause);
        // A listener may have closed the connection.
        if (isCurrent()) failed();
      },
    );
  }
}

/** What the function gives, if it is in time and a token. */
async function answer(source: () => string | undefined | Promise<string | undefined>): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it gave nothing within ${ANSWER_MS / 1000} s`)), ANSWER_MS);
  });
  try {
    const token: unknown = await Promise.race([source(), late]);
    if (token === undefined || typeof token === "string") return token;
    throw new TypeError(`it gave ${token === null ? "null" : `a value of type ${typeof token}`}, not a string`);
  } finally {
    clearTimeout(timer);
  }
}

/** How long a JWT holds from now on, in milliseconds; undefined for other tokens, and if it is over by the clock here. */
function timeLeft(token: string, now: number): number | undefined {
  try {
    const body = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const { exp, iat } = JSON.parse(atob(body)) as { exp?: unknown; iat?: unknown };
    if (typeof exp !== "number") return undefined;
    // A clock that is behind does not make its life longer.
    const left = Math.min(exp * 1000 - now, typeof iat === "number" ? (exp - iat) * 1000 : Infinity);
    return left > 0 ? left : undefined;
  } catch {
    return undefined;
  }
}
