/**
 * Paths cross into WASM as one string: before each segment stands NUL DLE, and a NUL inside a segment becomes NUL DEL.
 * @module
 */
const START = "\0\x10";
const ESCAPED_NUL = "\0\x7f";

/**
 * Returns the encoded path of `key` below the encoded path `parent`.
 * @internal
 */
export function child(parent: string, key: string): string {
  return parent + START + (key.includes("\0") ? key.replaceAll("\0", ESCAPED_NUL) : key);
}

/**
 * Returns the encoded form of a path.
 * @internal
 */
export function encodePath(segments: readonly string[]): string {
  let path = "";
  for (const segment of segments) path = child(path, segment);
  return path;
}

/**
 * Returns the segments of an encoded path.
 * @internal
 */
export function decodePath(path: string): string[] {
  if (path === "") return [];
  return path.slice(START.length).split(START).map((segment) => segment.replaceAll(ESCAPED_NUL, "\0"));
}

/**
 * Tells whether `path` is `ancestor` or lies below it; both encoded.
 * @internal
 */
export function isWithin(path: string, ancestor: string): boolean {
  return path.startsWith(ancestor) && (path.length === ancestor.length || path.startsWith(START, ancestor.length));
}
