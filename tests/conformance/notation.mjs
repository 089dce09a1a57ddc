// How vector files write values that JSON has no form for; the table is in tests/src/notation.rs.

/** Reads a value from its notation. */
export function read(json) {
  if (Array.isArray(json)) return json.map(read);
  if (json === null || typeof json !== "object") return json;
  const keys = Object.keys(json);
  const tagged = keys.length === 1 ? TAGS[keys[0]] : undefined;
  if (tagged) return tagged(json[keys[0]]);
  return fromEntries(keys.map((key) => [key, read(json[key])]));
}

/** Compares two values strictly: types, NaN and the sign of zero count. Returns the place of the first difference. */
export function difference(expected, found, place = "value") {
  const kind = kindOf(expected);
  if (kind !== kindOf(found)) return `${place}: expected ${show(expected)}, found ${show(found)}`;
  if (kind === "map") return mapDifference(expected, found, place);
  if (kind === "list" || kind === "bytes" || kind === "vector") {
    if (expected.length !== found.length) return `${place}: expected ${show(expected)}, found ${show(found)}`;
    for (let i = 0; i < expected.length; i++) {
      const inner = difference(expected[i], found[i], `${place}[${i}]`);
      if (inner) return inner;
    }
    return undefined;
  }
  const same = kind === "time" ? Object.is(expected.getTime(), found.getTime()) : Object.is(expected, found);
  return same ? undefined : `${place}: expected ${show(expected)}, found ${show(found)}`;
}

const TAGS = {
  $bytes: (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)),
  $timestamp: (ms) => new Date(ms),
  $int: (text) => BigInt(text),
  $float: (text) => Number(text),
  $vector: (items) => Float32Array.from(items, (item) => read(item)),
};

/** Makes an object whose keys may be anything, `__proto__` included. */
function fromEntries(entries) {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

function mapDifference(expected, found, place) {
  const keys = Object.keys(expected);
  if (keys.length !== Object.keys(found).length) return `${place}: expected ${show(expected)}, found ${show(found)}`;
  for (const key of keys) {
    if (!Object.hasOwn(found, key)) return `${place}.${key} is missing`;
    const inner = difference(expected[key], found[key], `${place}.${key}`);
    if (inner) return inner;
  }
  return undefined;
}

function kindOf(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  if (value instanceof Uint8Array) return "bytes";
  if (value instanceof Float32Array) return "vector";
  if (value instanceof Date) return "time";
  return typeof value === "object" ? "map" : typeof value;
}

function show(value) {
  const text = JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}n` : inner));
  return text === undefined || text.length <= 300 ? String(text) : `${text.slice(0, 300)}…`;
}
