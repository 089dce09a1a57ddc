//! `cargo xtask bench`: the benchmarks of all languages, as tables beside other libraries.

use std::fs;

use crate::args::Args;
use crate::needs::{self, Need};
use crate::paths;
use crate::problem::Problem;
use crate::process::Cmd;
use crate::steps::{Plan, Step};
use crate::tools;

/// The benchmarks of one language. Each prints a JSON object per line: language, workload, library, figures.
struct Bench {
    language: &'static str,
    title: &'static str,
    needs: &'static [Need],
    run: fn(&Step, &[String]) -> Result<String, Problem>,
}

const BENCHES: &[Bench] = &[
    Bench { language: "rust", title: "Benchmark in Rust", needs: &[], run: rust },
    Bench { language: "js", title: "Benchmark in Node", needs: &[Need::NpmPackage], run: js },
    Bench { language: "python", title: "Benchmark in Python", needs: &[Need::Wheel], run: python },
];

/// Runs the benchmarks, or those of the languages named by `--only`, and prints the tables.
pub(crate) fn run(mut args: Args) -> Result<(), Problem> {
    let only = args.only(BENCHES.iter().map(|bench| bench.language))?;
    let percent: Option<u8> = args.value("--percent")?;
    args.finish()?;
    let passed_on = percent.map_or_else(Vec::new, |percent| vec!["--percent".to_owned(), percent.to_string()]);
    let chosen: Vec<&Bench> = BENCHES.iter().filter(|bench| only.contains(&bench.language)).collect();
    let mut plan = Plan::new(chosen.iter().map(|bench| needs::resolve(bench.needs).len() + 1).sum());
    let mut results = String::new();
    let mut failed = Ok(());
    for bench in chosen {
        match bench.measure(&mut plan, &passed_on) {
            Ok(lines) => results.push_str(&lines),
            // It is told already; the figures of the other languages are worth having.
            Err(problem) => failed = Err(problem),
        }
    }
    if !results.is_empty() {
        print(&results)?;
    }
    failed
}

impl Bench {
    fn measure(&self, plan: &mut Plan, args: &[String]) -> Result<String, Problem> {
        needs::make_all(plan, &needs::resolve(self.needs))?;
        let output = plan.step(self.title, |step| (self.run)(step, args))?;
        let results = output.lines().filter(|line| line.starts_with('{'));
        Ok(results.flat_map(|line| [line, "\n"]).collect())
    }
}

fn print(results: &str) -> Result<(), Problem> {
    let file = paths::own().join("bench.jsonl");
    fs::write(&file, results).map_err(Problem::file(&file))?;
    let table = Cmd::new("node").arg("tests/bench/table.mjs").arg(&file).output();
    let problem = || Problem::other(format!("tests/bench/table.mjs cannot read the figures in {}", file.display()));
    let table = table.ok_or_else(problem)?;
    println!("\n{table}\n\nThe figures as JSON lines: {}", paths::display(&file));
    Ok(())
}

/// In a workspace and a target folder of its own, because of the heavy libraries that it compares with.
fn rust(step: &Step, args: &[String]) -> Result<String, Problem> {
    let run = |name: &str| {
        let cmd = Cmd::cargo().words("run --package syncline-bench --profile native --target-dir");
        let cmd = cmd.arg(paths::target().join("bench")).words("--bin").arg(name).arg("--");
        run_with(step, cmd.dir("tests/bench"), args)
    };
    // The second counts what is allocated, which would slow the first down.
    Ok([run("syncline-bench")?, run("growth")?].join("\n"))
}

fn js(step: &Step, args: &[String]) -> Result<String, Problem> {
    tools::npm_packages(step, "tests/bench/js")?;
    run_with(step, Cmd::new("node").arg("tests/bench/js/bench.mjs"), args)
}

fn python(step: &Step, args: &[String]) -> Result<String, Problem> {
    let python = || Cmd::new(paths::venv_python());
    let install = python().words("-m pip install --quiet --disable-pip-version-check -r");
    step.run(&install.arg("tests/bench/python/requirements.txt"))?;
    run_with(step, python().arg("tests/bench/python/bench.py"), args)
}

/// The slowest libraries take half an hour on a small machine.
fn run_with(step: &Step, cmd: Cmd, args: &[String]) -> Result<String, Problem> {
    step.run(&args.iter().fold(cmd, Cmd::arg).minutes(120))
}
