//! The sizes of what is shipped, against their limits.

use std::fs;
use std::path::PathBuf;

use crate::args::Args;
use crate::needs::{self, Need};
use crate::package::{self, SMALL_WASM_FILE, TOOLS_WASM_FILE, WASM_FILE};
use crate::paths;
use crate::problem::Problem;
use crate::process::Cmd;
use crate::steps::{Plan, Step};
use crate::table;

/// What the WASM should weigh compressed by brotli, in bytes: the small one, and that with everything.
const SMALL_WASM_GOAL: u64 = 80_000;
const WASM_GOAL: u64 = 180_000;
/// The most that it may weigh, so that it does not grow while it is above its goal. Lower them with each saving.
const SMALL_WASM_LIMIT: u64 = 121_000;
const WASM_LIMIT: u64 = 267_000;
const TOOLS_WASM_LIMIT: u64 = 300_000;
/// The most that the wheel may weigh, in bytes.
const WHEEL_LIMIT: u64 = 2_000_000;

/// Compresses as a web server does for files that do not change: the strongest level.
const COMPRESS: &str = "\
const fs = require('fs'), zlib = require('zlib');
const bytes = fs.readFileSync(process.argv[1]);
const brotli = zlib.brotliCompressSync(bytes, { params: {
  [zlib.constants.BROTLI_PARAM_QUALITY]: 11,
  [zlib.constants.BROTLI_PARAM_LGWIN]: 24,
  [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
console.log(bytes.length, zlib.gzipSync(bytes, { level: 9 }).length, brotli.length);";

/// What is weighed.
pub(crate) const NEEDS: &[Need] = &[Need::Wasm, Need::SmallWasm, Need::ToolsWasm, Need::Wheel];

/// `cargo xtask sizes`.
pub(crate) fn command(args: Args) -> Result<(), Problem> {
    args.finish()?;
    let needs = needs::resolve(NEEDS);
    let mut plan = Plan::new(needs.len() + 1);
    needs::make_all(&mut plan, &needs)?;
    plan.step("Sizes", check)
}

/// What one file weighs.
struct Weight {
    name: &'static str,
    raw: u64,
    gzip: Option<u64>,
    brotli: Option<u64>,
    goal: u64,
    limit: u64,
}

impl Weight {
    fn of_wasm(name: &'static str, file: &str, (goal, limit): (u64, u64)) -> Result<Weight, Problem> {
        let file = paths::root().join(file);
        let sizes = Cmd::new("node").arg("-e").arg(COMPRESS).arg(&file).output();
        let Some(sizes) = sizes else {
            let what = paths::display(&file);
            return Err(Problem::missing(what, "cargo xtask sizes, which builds it"));
        };
        let mut sizes = sizes.split(' ').flat_map(str::parse);
        Ok(Weight { name, raw: sizes.next().unwrap_or(0), gzip: sizes.next(), brotli: sizes.next(), goal, limit })
    }

    fn of_wheel() -> Result<Weight, Problem> {
        let file = package::built_wheel();
        let file: PathBuf = file.ok_or_else(|| Problem::missing("the wheel", "cargo xtask build-python"))?;
        Ok(Weight {
            name: "Python wheel",
            raw: fs::metadata(&file).map_err(Problem::file(&file))?.len(),
            gzip: None,
            brotli: None,
            goal: WHEEL_LIMIT,
            limit: WHEEL_LIMIT,
        })
    }

    /// The size that the limit is about: as it travels.
    fn shipped(&self) -> u64 {
        self.brotli.unwrap_or(self.raw)
    }

    fn row(&self) -> Vec<String> {
        let verdict = match self.shipped() {
            size if size <= self.goal => "within",
            size if size <= self.limit => "within, but over its goal",
            _ => "OVER",
        };
        vec![
            self.name.to_owned(),
            kilobytes(self.raw),
            self.gzip.map(kilobytes).unwrap_or_default(),
            self.brotli.map(kilobytes).unwrap_or_default(),
            kilobytes(self.goal),
            kilobytes(self.limit),
            verdict.to_owned(),
        ]
    }
}

/// Prints the sizes, and fails where one is over its limit.
pub(crate) fn check(step: &Step) -> Result<(), Problem> {
    let weights = [
        Weight::of_wasm("small WASM", SMALL_WASM_FILE, (SMALL_WASM_GOAL, SMALL_WASM_LIMIT))?,
        Weight::of_wasm("WASM with everything", WASM_FILE, (WASM_GOAL, WASM_LIMIT))?,
        Weight::of_wasm("WASM of the tools", TOOLS_WASM_FILE, (TOOLS_WASM_LIMIT, TOOLS_WASM_LIMIT))?,
        Weight::of_wheel()?,
    ];
    let rows: Vec<Vec<String>> = weights.iter().map(Weight::row).collect();
    let heads = ["kB (1000 bytes)", "raw", "gzip", "brotli", "goal", "limit", ""];
    step.print(&table::render(&heads, &rows));
    let shipped: Vec<String> = weights.iter().map(|weight| kilobytes(weight.shipped())).collect();
    step.note(format!("{} kB", shipped.join(", ")));
    let over: Vec<&str> =
        weights.iter().filter(|weight| weight.shipped() > weight.limit).map(|weight| weight.name).collect();
    if over.is_empty() {
        return Ok(());
    }
    Err(Problem::other(format!(
        "over the limit: {}. Find what grew by comparing with an older commit",
        over.join(", ")
    )))
}

fn kilobytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1000.0)
}
