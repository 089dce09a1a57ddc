/** The table of all relays, and what the relay is held to, as Markdown. */

import { BARS, RUNS } from "./runs.mjs";

export function median(values) {
  const known = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (known.length === 0) return undefined;
  const middle = (known.length - 1) / 2;
  return (known[Math.floor(middle)] + known[Math.ceil(middle)]) / 2;
}

/** Rows are figures and columns are relays, since there are more figures. */
export function table(results) {
  const lines = [
    `| | ${results.map((result) => result.name).join(" | ")} |`,
    `|---|${results.map(() => "---:|").join("")}`,
  ];
  for (const [run, { figures }] of Object.entries(RUNS)) {
    for (const [key, { head, digits }] of Object.entries(figures)) {
      const shown = results.map((result) => cell(result, run, key, digits));
      if (shown.some((text) => text !== "")) lines.push(`| ${head} | ${shown.join(" | ")} |`);
    }
  }
  return [...lines, "", ...bars(results), ...problems(results)].join("\n");
}

function cell(result, run, key, digits) {
  const value = result.figures[key];
  if (value === undefined) return result.problems[run] ? "failed" : "";
  const weak = key.startsWith("ack_") && !result.durable;
  return `${value.toFixed(digits)}${weak ? " (not durable)" : ""}`;
}

function bars(results) {
  const peers = results.filter((result) => !result.ours);
  const lines = ["| held to | figure | limit | |", "|---|---:|---:|---|"];
  for (const { what, figure, share, bound } of BARS) {
    const best = Math.min(...peers.map((peer) => peer.figures[figure]).filter(Number.isFinite));
    const limit = share === undefined ? bound : best * share;
    for (const result of results.filter((result) => result.ours && Number.isFinite(result.figures[figure]))) {
      if (!Number.isFinite(limit)) continue;
      const value = result.figures[figure];
      const verdict = value <= limit ? "holds" : "**missed**";
      lines.push(`| ${what}: ${result.name} | ${value.toFixed(2)} | ${limit.toFixed(2)} | ${verdict} |`);
    }
  }
  return lines.length > 2 ? lines : [];
}

function problems(results) {
  const lines = results.flatMap((result) =>
    Object.entries(result.problems).map(([run, why]) => `* ${result.name}, ${run}: ${why}`),
  );
  const losses = results.flatMap((result) =>
    Object.entries(result.failures).map(([reason, count]) => `* ${result.name}: ${reason} (${count} times)`),
  );
  const all = [...lines, ...losses];
  return all.length > 0 ? ["", "What went wrong:", "", ...all] : [];
}
