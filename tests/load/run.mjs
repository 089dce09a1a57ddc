/**
 * Runs the load tool against the relay and its peers, one after another on this machine, and writes a table.
 *
 * Options: --relay NAME and --run NAME (may be repeated), --seconds N, --rounds N, --out FOLDER.
 * Environment: SYNCLINE_BIN, the relay and the tool; Y_SWEET_BIN, without which y-sweet is left out.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../e2e/lib/process.mjs";
import { RELAYS, start } from "./lib/relays.mjs";
import { RUNS } from "./lib/runs.mjs";
import { median, table } from "./lib/table.mjs";

// Each relay leaves a folder to remove at the end.
process.setMaxListeners(0);

const { values: options } = parseArgs({
  options: {
    relay: { type: "string", multiple: true, default: [] },
    run: { type: "string", multiple: true, default: [] },
    seconds: { type: "string", default: "10" },
    rounds: { type: "string", default: "1" },
    out: { type: "string" },
  },
});

/** The known names that are meant: all of them without one. */
function chosen(named, known, option) {
  const strange = named.find((name) => !(name in known));
  if (strange) throw new Error(`--${option} is one of ${Object.keys(known).join(", ")}, not ${strange}`);
  return Object.keys(known).filter((name) => named.length === 0 || named.includes(name));
}

const relays = chosen(options.relay, RELAYS, "relay").filter((name) => name !== "y-sweet" || process.env.Y_SWEET_BIN);
const runs = chosen(options.run, RUNS, "run");
const [seconds, rounds] = [Number(options.seconds), Number(options.rounds)];
if (!(Number.isInteger(seconds) && seconds >= 1 && Number.isInteger(rounds) && rounds >= 1)) {
  throw new Error("--seconds and --rounds are whole numbers from 1 on");
}
const { SYNCLINE_BIN: tool } = process.env;
if (!tool || !options.out) throw new Error("SYNCLINE_BIN and --out are needed: run `cargo xtask load` instead");
mkdirSync(options.out, { recursive: true });

/** A relay of its own for each run, so that none finds the memory that another left. */
async function measure(name, runName) {
  const [relay, { args, paced, fsync }] = [RELAYS[name], RUNS[runName]];
  const { child, folder, url } = await start(relay);
  const file = join(options.out, `${name}-${runName}.json`);
  const more = [
    ...(paced ? ["--seconds", String(seconds), "--warmup", "2"] : []),
    ...(fsync ? ["--fsync-dir", folder] : []),
  ];
  const place = ["--url", url, "--dialect", relay.dialect, "--pid", String(child.pid)];
  const outputs = ["--json", file, "--html", file.replace(/json$/, "html")];
  try {
    await run(tool, ["bench", ...place, ...args, ...more, ...outputs], { seconds: 2 * seconds + 240 });
  } finally {
    await child.stop("SIGKILL");
  }
  return JSON.parse(readFileSync(file, "utf8"));
}

const results = relays.map((name) => {
  const { name: title, ours = false, durable = false } = RELAYS[name];
  return { id: name, name: title, ours, durable, values: {}, figures: {}, failures: {}, problems: {} };
});

// Relays take turns within a round, so that a slow minute of the machine meets all of them.
for (let round = 1; round <= rounds; round += 1) {
  for (const runName of runs) {
    for (const result of results) {
      console.log(`round ${round} of ${rounds}: ${runName}, ${result.name}`);
      try {
        take(result, runName, await measure(result.id, runName));
      } catch (error) {
        result.problems[runName] = String(error.message).trim().split("\n").slice(-1)[0];
        console.log(`  ${result.problems[runName]}`);
      }
    }
  }
}

function take(result, runName, report) {
  for (const [key, { of }] of Object.entries(RUNS[runName].figures)) {
    (result.values[key] ??= []).push(of(report));
    result.figures[key] = median(result.values[key]);
  }
  for (const [reason, count] of Object.entries(report.failures)) {
    const text = `${runName}: ${reason}`;
    result.failures[text] = (result.failures[text] ?? 0) + count;
  }
}

const text = table(results);
writeFileSync(join(options.out, "load.json"), `${JSON.stringify({ seconds, rounds, results }, null, 2)}\n`);
writeFileSync(join(options.out, "load.md"), `${text}\n`);
console.log(`\n${text}`);
