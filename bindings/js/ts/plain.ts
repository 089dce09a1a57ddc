/**
 * Values as JSON text and back. What JSON has no form for is an object with one key that begins with `$`, as in the other
 * languages: `$bytes`, `$timestamp`, `$vector`, `$int`, `$float`, and `$map` around a map that looks like one of these.
 * @module
 */
import { SynclineError } from "./errors.js";
import type { Value } from "./value.js";

/** Letters that are handed to `String.fromCharCode` at once. */
const CHUNK = 8192;

/**
 * Writes a value, keys in order.
 * @internal
 */
export function writeJSON(value: Value): string {
  if (typeof value === "number") return writeNumber(value);
  if (typeof value === "bigint") return `{"$int":"${value}"}`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (value instanceof Uint8Array) return `{"$bytes":"${toBase64(value)}"}`;
  if (value instanceof Date) return `{"$timestamp":${value.getTime()}}`;
  if (value instanceof Float32Array) return `{"$vector":[${Array.from(value, writeNumber).join(",")}]}`;
  if (Array.isArray(value)) return `[${value.map(writeJSON).join(",")}]`;
  const keys = Object.keys(value).sort();
  const text = `{${keys.map((key) => `${JSON.stringify(key)}:${writeJSON(value[key] as Value)}`).join(",")}}`;
  return looksTagged(keys) ? `{"$map":${text}}` : text;
}

/**
 * Reads a value; throws a {@link SynclineError} with the code `"invalid-json"`.
 * @internal
 */
export function readJSON(text: string): Value {
  try {
    return untag(JSON.parse(keepLargeIntegers(text)) as Value);
  } catch (error) {
    if (error instanceof SyntaxError) throw new SynclineError("invalid-json", `this is not JSON: ${error.message}`, { cause: error });
    if (error instanceof RangeError) throw invalid("it nests too deeply: store its parts under several keys");
    throw error;
  }
}

function writeNumber(number: number): string {
  if (Object.is(number, -0)) return '{"$float":"-0"}';
  return Number.isFinite(number) ? JSON.stringify(number) : `{"$float":"${number}"}`;
}

function looksTagged(keys: string[]): boolean {
  return keys.length === 1 && keys[0]?.startsWith("$") === true;
}

/** Tags the integers that JavaScript would round. */
function keepLargeIntegers(text: string): string {
  if (!/\d{16}/.test(text)) return text;
  const parts: string[] = [];
  let done = 0;
  const tokens = /"|-?\d[\d.eE+-]*/g;
  for (let token = tokens.exec(text); token; token = tokens.exec(text)) {
    const [found] = token;
    if (found === '"') {
      tokens.lastIndex = endOfString(text, token.index + 1);
    } else if (/^-?\d+$/.test(found) && !Number.isSafeInteger(Number(found))) {
      parts.push(text.slice(done, token.index), `{"$int":"${found}"}`);
      done = tokens.lastIndex;
    }
  }
  return parts.join("") + text.slice(done);
}

/** Returns where the string that begins before `at` is over. */
function endOfString(text: string, at: number): number {
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** Replaces the tagged objects within `value`, and itself unless it stands in a `$map`. */
function untag(value: Value, inMap = false): Value {
  if (Array.isArray(value)) return value.map((item) => untag(item));
  if (!isMap(value)) return value;
  const keys = Object.keys(value);
  const [tag] = inMap || !looksTagged(keys) ? [] : keys;
  for (const key of keys) {
    const item = untag(value[key] as Value, tag === "$map");
    // Assigning would take this name for the prototype.
    Object.defineProperty(value, key, { value: item, enumerable: true, configurable: true, writable: true });
  }
  return tag === undefined ? value : tagged(tag, value[tag] as Value, value);
}

/** Returns what an object with the one key `tag` stands for: itself if there is no such tag. */
function tagged(tag: string, body: Value, object: Value): Value {
  if (tag === "$int" && typeof body === "string") return integer(body);
  if (tag === "$float" && typeof body === "string") return float(body);
  if (tag === "$bytes" && typeof body === "string") return fromBase64(body);
  if (tag === "$timestamp" && Number.isSafeInteger(body)) return time(body as number);
  if (tag === "$vector" && Array.isArray(body)) {
    if (body.every((item) => typeof item === "number")) return Float32Array.from(body);
    throw invalid("a $vector has numbers only");
  }
  return tag === "$map" && isMap(body) ? body : object;
}

function time(ms: number): Date {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) throw invalid(`no Date is ${ms} ms from 1970`);
  return date;
}

function integer(digits: string): bigint {
  const number = /^[+-]?\d+$/.test(digits) ? BigInt(digits.replace("+", "")) : undefined;
  if (number !== undefined && BigInt.asIntN(64, number) === number) return number;
  throw invalid(`${digits.slice(0, 40)} is not an integer of 64 bits`);
}

function float(name: string): number {
  const number = name === "" ? NaN : Number(name);
  if (name === "NaN" || !Number.isNaN(number)) return number;
  throw invalid(`${name.slice(0, 40)} is not a number`);
}

function toBase64(bytes: Uint8Array): string {
  let letters = "";
  for (let at = 0; at < bytes.length; at += CHUNK) letters += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(letters);
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    throw invalid("$bytes are not in base64");
  }
}

function isMap(value: Value): value is { [key: string]: Value } {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function invalid(problem: string): SynclineError {
  return new SynclineError("invalid-json", `this JSON cannot be read: ${problem}`);
}
