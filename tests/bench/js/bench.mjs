/**
 * Benchmarks: Syncline beside Yjs, Loro and Automerge on the same work in the same run.
 *
 * Prints one JSON object per workload and library on stdout, and progress on stderr. The libraries take turns, so that a
 * machine that is busy for a while disturbs all of them alike; each figure is the median of the rounds.
 */
import { setFlagsFromString } from "node:v8";
import { parseArgs } from "node:util";
import { runInNewContext } from "node:vm";
import { automerge, automergeTenth } from "./lib/automerge.mjs";
import { loro, loroShallow } from "./lib/loro.mjs";
import { syncline } from "./lib/syncline.mjs";
import { WORKLOADS } from "./lib/workloads.mjs";
import { yjs, yjsV2 } from "./lib/yjs.mjs";

const USAGE = `Usage: node bench.mjs [--rounds N] [--percent P] [--only WORKLOAD] [--library NAME] [--slow]
  --rounds N       how often each is run; the median is printed (3)
  --percent P      share of the work, from 1 for a quick check to 100 (100)
  --only WORKLOAD  only this workload; may be repeated
  --library NAME   only this library; may be repeated
  --slow           also what takes minutes`;

/** A sample longer than this, in seconds, is not repeated: the noise is small beside it. */
const LONG = 8;

const ALL = Object.keys(WORKLOADS);
const WHOLE = ["encode", "load", "load-read", "overwrite", "delete"];
const CONTENDERS = [
  { library: syncline, workloads: ALL },
  { library: yjs, workloads: ALL },
  { library: yjsV2, workloads: WHOLE },
  { library: loro, workloads: ALL },
  { library: loroShallow, workloads: WHOLE },
  // One transaction each takes it minutes for 100,000.
  { library: automerge, workloads: ALL, slow: ["set-each", "overwrite", "delete", "counter", "counter-merge"] },
  { library: automergeTenth, workloads: ["delete"] },
];

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    percent: { type: "string", default: "100" },
    only: { type: "string", multiple: true, default: [] },
    library: { type: "string", multiple: true, default: [] },
    slow: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const [rounds, percent] = [Number(options.rounds), Number(options.percent)];
const unknown = options.only.find((name) => !ALL.includes(name));
if (options.help || !(rounds > 0) || !(percent > 0 && percent <= 100) || unknown) {
  console.error(unknown ? `${unknown} is not one of ${ALL.join(", ")}` : USAGE);
  process.exit(options.help ? 0 : 2);
}

// What one library leaves behind must not be collected in another's time.
setFlagsFromString("--expose-gc");
globalThis.gc ??= runInNewContext("gc");

const chosen = (list, name) => list.length === 0 || list.includes(name);
/** Returns the function that scales counts for a library: all but the slowest do the whole work. */
const counting = ({ share = 1 }) => (full) => Math.max(10, Math.floor((full * share * percent) / 100));

for (const name of ALL.filter((name) => chosen(options.only, name))) {
  const contenders = CONTENDERS.filter(
    ({ library, workloads, slow }) =>
      workloads.includes(name) && chosen(options.library, library.name) && (options.slow || !slow?.includes(name)),
  );
  const samples = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    console.error(`js ${name} round ${round + 1}/${rounds}`);
    for (let turn = 0; turn < contenders.length; turn++) {
      // Another one begins in each round.
      const at = (turn + round) % contenders.length;
      if (samples[at].some(({ cpu }) => cpu > LONG)) continue;
      try {
        const { library } = contenders[at];
        samples[at].push(WORKLOADS[name](library, counting(library)));
      } catch (error) {
        throw new Error(`${name} in ${contenders[at].library.name}: ${error.message}`, { cause: error });
      }
    }
  }
  contenders.forEach(({ library }, at) => print(name, library.name, samples[at]));
}

function print(workload, library, samples) {
  const { cpu, bytes, lost } = samples.sort((a, b) => a.cpu - b.cpu)[samples.length >> 1];
  const line = { language: "js", workload, library };
  // Some workloads have only a size.
  if (cpu !== undefined) line.cpu_s = Number(cpu.toFixed(6));
  if (bytes !== undefined) line.bytes = Math.round(bytes * 10) / 10;
  if (lost !== undefined) line.lost = lost;
  console.log(JSON.stringify(line));
}
