// Makes one decision of tests/vectors/decisions through the public JavaScript API. Pure: runs in Node and in a page.

import { playMachines } from "./machines.mjs";
import { difference, read } from "./notation.mjs";

/**
 * Makes the decision of `test` by `decide` of `tools` (the imported syncline/tools); returns the list of what differs.
 *
 * Histories of state machines are played on the classes as well. `error` is the code of the expected error; an `expect` of `{"error": text}` is its text.
 */
export function runDecision(tools, test) {
  const found = [answer(tools, test)];
  if (test.call === "machines" && test.error === undefined) found.push(playMachines(tools, read(test.args)));
  const problem = found.map((answer) => difference(read(wanted(test)), answer)).find(Boolean);
  return problem ? [problem] : [];
}

function wanted(test) {
  return test.error === undefined ? test.expect : { code: test.error };
}

function answer(tools, test) {
  try {
    return tools.decide(test.call, read(test.args));
  } catch (error) {
    if (error.name !== "SynclineError") return { thrown: String(error) };
    // The tables write codes as Rust does.
    return test.error === undefined ? { error: error.message } : { code: error.code.replaceAll("-", "_") };
  }
}

/** Changes what a case expects, somewhere inside. */
export function flip(test) {
  const part = test.error === undefined ? "expect" : "error";
  test[part] = flipped(test[part]);
}

function flipped(json) {
  if (typeof json === "boolean") return !json;
  if (typeof json === "number") return json + 1;
  if (typeof json === "string") return `${json}x`;
  if (json === null) return true;
  if (Array.isArray(json)) return json.length === 0 ? [null] : [...json.slice(0, -1), flipped(json.at(-1))];
  const key = Object.keys(json).at(-1);
  return key === undefined ? { more: 0 } : { ...json, [key]: flipped(json[key]) };
}
