//! `cargo xtask bench`: the benchmarks of all languages, as one table.

use std::collections::{BTreeMap, BTreeSet};

use crate::args::Args;
use crate::json::{self, Field};
use crate::package::{self, Profile, Text};
use crate::paths;
use crate::problem::Problem;
use crate::process::Cmd;
use crate::steps::Plan;
use crate::table;
use crate::tools;

/// Columns that come first, in this order, where the benchmarks print them.
const FIRST: &[&str] = &["workload", "language", "library", "cpu_s", "bytes"];

type Line = BTreeMap<String, Field>;

/// Builds and runs the benchmarks and prints every JSON line they wrote as a row.
pub(crate) fn run(mut args: Args) -> Result<(), Problem> {
    let only = args.values("--only")?;
    args.finish()?;
    let known = ["rust", "js", "python"];
    if let Some(other) = only.iter().find(|name| !known.contains(&name.as_str())) {
        let text = format!("--only is one of {}, not `{other}`", known.join(", "));
        return Err(Problem::usage(text));
    }
    let chosen = |name: &&&str| only.is_empty() || only.iter().any(|other| other == **name);
    let chosen: Vec<&str> = known.iter().filter(chosen).copied().collect();
    let steps = |name: &str| match name {
        "rust" => 1,
        "js" => 5,
        _ => 3,
    };
    let mut plan = Plan::new(chosen.iter().map(|name| steps(name)).sum());
    let mut lines = Vec::new();
    for language in chosen {
        let output = match language {
            "rust" => rust(&mut plan)?,
            "js" => js(&mut plan)?,
            _ => python(&mut plan)?,
        };
        lines.extend(output.lines().filter_map(json::object).map(|mut line| {
            line.entry("language".to_owned()).or_insert_with(|| Field::Text(language.to_owned()));
            line
        }));
    }
    if lines.is_empty() {
        return Err(Problem::other("the benchmarks printed no result; see target/xtask/logs"));
    }
    println!("\n{}", render(&lines));
    Ok(())
}

/// Its own workspace, because of the heavy libraries that it compares with.
fn rust(plan: &mut Plan) -> Result<String, Problem> {
    plan.step("Benchmark in Rust", |step| {
        let run = Cmd::cargo().words("run --package syncline-bench --profile native");
        let target = paths::target().join("bench");
        step.run(&run.arg("--target-dir").arg(target).dir("tests/bench"))
    })
}

fn js(plan: &mut Plan) -> Result<String, Problem> {
    plan.step("Rust for WASM", tools::wasm_target)?;
    plan.step("WASM", |step| package::wasm(step, Profile::Release, Text::With))?;
    plan.step("npm package", package::npm_package)?;
    plan.step("npm packages to compare with", |step| tools::npm_packages(step, "tests/bench/js"))?;
    plan.step("Benchmark in Node", |step| step.run(&Cmd::new("node").arg("tests/bench/js/bench.mjs")))
}

fn python(plan: &mut Plan) -> Result<String, Problem> {
    plan.step("Python packages", tools::venv)?;
    plan.step("Python wheel", package::python_package)?;
    plan.step("Benchmark in Python", |step| {
        let requirements = paths::root().join("tests/bench/python/requirements.txt");
        if requirements.exists() {
            let pip = Cmd::new(paths::venv_python()).words("-m pip install --quiet -r");
            step.run(&pip.arg(requirements))?;
        }
        step.run(&Cmd::new(paths::venv_python()).arg("tests/bench/python/bench.py"))
    })
}

fn render(lines: &[Line]) -> String {
    let all: BTreeSet<&str> = lines.iter().flat_map(|line| line.keys()).map(String::as_str).collect();
    let first = FIRST.iter().copied().filter(|name| all.contains(name));
    let rest = all.iter().copied().filter(|name| !FIRST.contains(name));
    let heads: Vec<&str> = first.chain(rest).collect();
    let cell = |line: &Line, head: &&str| line.get(*head).map(Field::display).unwrap_or_default();
    let rows: Vec<Vec<String>> = lines.iter().map(|line| heads.iter().map(|head| cell(line, head)).collect()).collect();
    table::render(&heads, &rows)
}
