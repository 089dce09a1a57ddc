/** The runs: arguments of the load tool, and the figures that are taken from each. */

const fact = (key) => (report) => report.facts[key]?.value;
const time = (name, key) => (report) => report.series.find((series) => series.name === name)?.[key];
const arrival = (key) => time("from due to arrival", key);
const ack = (key) => time("from due to acknowledgement", key);
const missing = (report) => report.traffic.missing;

/**
 * Runs by name. `paced` runs take the time of `--seconds`. Each figure has a head for its column; `digits` are those behind
 * the point.
 */
export const RUNS = {
  idle: {
    args: ["--scenario", "idle", "--clients", "1000", "--rooms", "100", "--seconds", "3"],
    figures: { idle_kib: { head: "KiB per idle connection", digits: 1, of: fact("kib_per_connection") } },
  },
  "fanout-20": {
    paced: true,
    args: ["--scenario", "fanout", "--clients", "100", "--rate", "20"],
    figures: {
      fanout_20_us: { head: "µs CPU per delivered message, 1→100 at 20/s", digits: 1, of: fact("relay_cpu_us_each") },
      fanout_20_missing: { head: "missing", digits: 0, of: missing },
    },
  },
  "fanout-100": {
    paced: true,
    args: ["--scenario", "fanout", "--clients", "100", "--rate", "100"],
    figures: {
      fanout_100_us: { head: "the same at 100/s", digits: 1, of: fact("relay_cpu_us_each") },
      fanout_100_p50: { head: "p50 ms", digits: 2, of: arrival("p50_ms") },
      fanout_100_p99: { head: "p99 ms", digits: 1, of: arrival("p99_ms") },
      fanout_100_missing: { head: "missing", digits: 0, of: missing },
    },
  },
  rooms: {
    paced: true,
    args: ["--scenario", "rooms", "--clients", "100", "--rooms", "25", "--rate", "20"],
    figures: {
      rooms_us: { head: "µs CPU per delivered message, 25 rooms x 4 writers", digits: 1, of: fact("relay_cpu_us_each") },
      rooms_missing: { head: "missing", digits: 0, of: missing },
    },
  },
  presence: {
    paced: true,
    args: ["--scenario", "presence", "--clients", "50", "--rate", "1"],
    figures: {
      presence_frames: { head: "frames for presence of 50", digits: 0, of: (report) => report.traffic.frames },
      presence_us: { head: "µs CPU per delivered state", digits: 1, of: fact("relay_cpu_us_each") },
    },
  },
  join: {
    args: ["--scenario", "join-storm", "--clients", "50", "--cells", "20000"],
    figures: {
      join_ms: { head: "ms CPU per repeat join of 20,000 cells", digits: 2, of: (report) => fact("relay_cpu_us_each")(report) / 1000 },
      join_kb: { head: "kB", digits: 0, of: (report) => fact("bytes_per_join")(report) / 1000 },
      join_lost: { head: "not let in", digits: 0, of: (report) => 50 - fact("joined")(report) },
    },
  },
  reconnect: {
    args: ["--scenario", "reconnect-storm", "--clients", "500", "--rooms", "50"],
    figures: {
      reconnect_max: { head: "ms until the last of 500 is back", digits: 0, of: (report) => report.series[0]?.max_ms },
      reconnect_lost: { head: "not back", digits: 0, of: (report) => 500 - fact("joined")(report) },
    },
  },
  durable: {
    paced: true,
    fsync: true,
    args: ["--scenario", "durable", "--clients", "50", "--rooms", "10", "--rate", "20"],
    figures: {
      ack_p50: { head: "acknowledged: p50 ms", digits: 2, of: ack("p50_ms") },
      ack_p99: { head: "p99 ms", digits: 1, of: ack("p99_ms") },
      fsync_p99: { head: "fsync p99 ms", digits: 1, of: fact("fsync_p99_ms") },
      ack_ratio: { head: "ratio", digits: 2, of: fact("ack_to_fsync_p99") },
    },
  },
  slow: {
    paced: true,
    args: ["--scenario", "slow-reader", "--clients", "100", "--rate", "20", "--size", "8192"],
    figures: {
      slow_change: { head: "p99 of the others beside a paused reader, change in %", digits: 0, of: fact("p99_change_percent") },
      slow_whole: { head: "paused reader whole", digits: 0, of: fact("resynced_whole") },
      slow_peak_mb: { head: "peak MB", digits: 0, of: fact("relay_peak_mb") },
    },
  },
};

/** What the relay is held to: its figure, that of the best peer times a share, or a bound. */
export const BARS = [
  { what: "CPU per delivered message, 1→100 at 20/s, at most half of the best peer", figure: "fanout_20_us", share: 0.5 },
  { what: "the same at 100/s", figure: "fanout_100_us", share: 0.5 },
  { what: "CPU of a repeat join of 20,000 cells, at most half of the best peer", figure: "join_ms", share: 0.5 },
  { what: "memory of an idle connection, at most 8 KiB", figure: "idle_kib", bound: 8 },
  { what: "p99 of durable acknowledgements, below 3 x fsync p99", figure: "ack_ratio", bound: 3 },
  { what: "p99 of others beside a paused reader, grown by at most 20 %", figure: "slow_change", bound: 20 },
];
