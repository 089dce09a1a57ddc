/**
 * Prints the JSON lines of the benchmarks as tables: one per language, a row for each workload, a column for each
 * library, and the ratio of Syncline to the best of the others (below 1: less than the best).
 *
 * Usage: node table.mjs [FILE...]; reads standard input without a file.
 */
import { readFileSync } from "node:fs";

const OURS = "syncline";
const TITLES = {
  "set-each": "100k inserts, one transaction each",
  "set-one": "100k inserts, one transaction",
  overwrite: "100k overwrites of 1k keys",
  "one-op": "20k one-op updates, emit + apply",
  "merge-maps": "merge of 2 x 50k keys",
  "merge-sets": "merge of sets, 2 x (50k adds, 25k removes)",
  "merge-sets alone": "the same, sets without a document",
  encode: "encode 100k keys",
  load: "load 100k keys",
  "load-read": "load and read 100k keys",
  delete: "delete all of 100k keys, one transaction each",
  counter: "counter, 16 replicas x 10k increments",
  "counter-merge": "merge of the 16 replicas that counted",
  "one-key": "merge of 1,000 replicas that set one key",
  "delta-1k": "delta of 100 changes, 1,000 leaves",
  "delta-1m": "delta of 100 changes, 1,000,000 leaves",
  "join-1k": "join of 100 changes, 1,000 leaves",
  "join-1m": "join of 100 changes, 1,000,000 leaves",
};
/** What the bytes of a workload are. */
const SIZES = {
  overwrite: "bytes after 100k overwrites of 1k keys",
  "one-op": "bytes of one one-op update",
  encode: "bytes of 100k keys",
  delete: "bytes after deleting all of 100k keys",
  counter: "bytes after 16 x 10k increments",
  "one-key": "bytes after 1,000 replicas set one key",
  "one-key-after": "bytes after one more write to that key",
  memory: "bytes of memory per leaf, written",
  "memory-loaded": "bytes of memory per leaf, loaded",
};
const LOST = {
  "merge-sets": "elements lost in merging sets",
  "merge-sets alone": "the same, sets without a document",
};
/** What has no document around it has a row of its own. */
const ALONE = ["syncline (OrSet)", "crdts (Orswot)"];

function parse(text) {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .map((line) => (ALONE.includes(line.library) ? { ...line, workload: `${line.workload} alone` } : line));
}

/** Returns the lines of a table whose first column is left-aligned and the others right-aligned. */
function render(rows) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  return rows.map((row) => row.map((cell, at) => (at ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))).join("  ").trimEnd());
}

/** Returns one row: the figures by library, and the ratio of ours to the least of the others. */
function row(title, libraries, figures, digits) {
  const others = libraries.filter((name) => !name.startsWith(OURS)).map((name) => figures.get(name));
  const best = Math.min(...others.filter((figure) => figure !== undefined));
  const ours = figures.get(OURS) ?? figures.get(ALONE[0]);
  const ratio = ours === undefined || !Number.isFinite(best) || best === 0 ? "" : (ours / best).toFixed(2);
  const show = (figure) => (figure === undefined ? "" : figure.toLocaleString("en", { maximumFractionDigits: digits }));
  return [title, ...libraries.map((name) => show(figures.get(name))), ratio];
}

function table(language, lines) {
  const libraries = [...new Set(lines.map((line) => line.library))];
  const rows = [[`${language}: CPU in ms`, ...libraries, "ours/best"]];
  const figures = (field, workload) =>
    new Map(lines.filter((line) => line.workload === workload && line[field] !== undefined).map((line) => [line.library, line[field]]));
  const scaled = (map) => new Map([...map].map(([name, seconds]) => [name, seconds * 1000]));
  const workloads = [...new Set(lines.map((line) => line.workload))];
  for (const workload of workloads) {
    const times = scaled(figures("cpu_s", workload));
    // Short ones have all their digits behind the point.
    const digits = [...times.values()].every((time) => time < 1) ? 3 : 1;
    if (times.size > 0) rows.push(row(TITLES[workload] ?? workload, libraries, times, digits));
  }
  for (const workload of workloads) {
    const sizes = figures("bytes", workload);
    if (sizes.size > 0) rows.push(row(SIZES[workload] ?? `bytes of ${workload}`, libraries, sizes, 1));
    const lost = figures("lost", workload);
    if (lost.size > 0) rows.push(row(LOST[workload], libraries, lost, 0));
  }
  return render(rows);
}

const files = process.argv.slice(2);
const lines = parse(files.length > 0 ? files.map((file) => readFileSync(file, "utf8")).join("\n") : readFileSync(0, "utf8"));
if (lines.length === 0) {
  console.error("there is no result to print: give the benchmarks' output as a file or on standard input");
  process.exit(1);
}
for (const language of new Set(lines.map((line) => line.language))) {
  console.log(table(language, lines.filter((line) => line.language === language)).join("\n") + "\n");
}
