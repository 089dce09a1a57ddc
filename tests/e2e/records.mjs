/** A real data set, and a form of JSON in which equal data are equal text. */

import { createHash } from "node:crypto";
import { createRequire } from "node:module";

/** The postal codes of the United States and Canada with place and position: 44,175 records of six fields. */
export function postalCodes() {
  const { codes } = createRequire(import.meta.url)("zipcodes");
  return Object.values(codes);
}

/** JSON with the keys of every object in order. */
export function canonical(value) {
  return JSON.stringify(value, (_, inner) => (isObject(inner) ? sorted(inner) : inner));
}

/** A short name for plain data: equal exactly where the data are. */
export function fingerprint(value) {
  return createHash("sha256").update(canonical(value)).digest("hex").slice(0, 16);
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sorted(object) {
  return Object.fromEntries(Object.keys(object).sort().map((key) => [key, object[key]]));
}
