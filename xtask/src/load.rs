//! `cargo xtask load`: the load tool against the relay and its peers, as one table.

use std::path::PathBuf;

use crate::args::Args;
use crate::paths;
use crate::problem::Problem;
use crate::process::Cmd;
use crate::steps::{Plan, Step};
use crate::tools;

/// The peer that is a program of Rust, and the version that is compared with.
const Y_SWEET: &str = "y-sweet";
const Y_SWEET_VERSION: &str = "0.9.1";

/// The short names of `tests/load/lib/relays.mjs`.
const RELAYS: &[&str] =
    &["syncline", "syncline-y-websocket", "syncline-hocuspocus", "y-websocket", "hocuspocus", Y_SWEET];

/// The names of `tests/load/lib/runs.mjs`.
const RUNS: &[&str] = &["idle", "fanout-20", "fanout-100", "rooms", "presence", "join", "reconnect", "durable", "slow"];

/// Builds or installs all relays, runs everything, and prints the table.
pub(crate) fn run(mut args: Args) -> Result<(), Problem> {
    let relays = named(&mut args, "--relay", RELAYS)?;
    let runs = named(&mut args, "--run", RUNS)?;
    let seconds = args.value::<u32>("--seconds")?.unwrap_or(10);
    let rounds = args.value::<u32>("--rounds")?.unwrap_or(1);
    args.finish()?;
    let with_y_sweet = relays.iter().any(|relay| relay == Y_SWEET);
    let mut plan = Plan::new(3 + usize::from(with_y_sweet));
    plan.step("Relay, optimised", build)?;
    plan.step("Peers from npm", |step| tools::npm_packages(step, "tests/load"))?;
    if with_y_sweet {
        plan.step("y-sweet", install_y_sweet)?;
    }
    let out = paths::target().join("load");
    let table = out.join("load.md");
    plan.step("Load", |step| {
        let cmd = Cmd::new("node").arg("tests/load/run.mjs").arg("--out").arg(&out);
        let cmd = cmd.words("--seconds").arg(seconds.to_string()).words("--rounds").arg(rounds.to_string());
        let cmd = relays.iter().fold(cmd, |cmd, relay| cmd.words("--relay").arg(relay));
        let cmd = runs.iter().fold(cmd, |cmd, run| cmd.words("--run").arg(run));
        let cmd = cmd.env("SYNCLINE_BIN", relay()).env("Y_SWEET_BIN", y_sweet());
        step.run(&cmd.minutes(240)).map(drop)
    })?;
    let text = std::fs::read_to_string(&table).map_err(Problem::file(&table))?;
    println!("\n{text}\nEvery run with its plot: {}", paths::display(&out));
    Ok(())
}

/// Those that are named, or all.
fn named(args: &mut Args, option: &str, known: &[&str]) -> Result<Vec<String>, Problem> {
    let named = args.values(option)?;
    match named.iter().find(|name| !known.contains(&name.as_str())) {
        Some(other) => Err(Problem::usage(format!("{option} is one of {}, not `{other}`", known.join(", ")))),
        None if named.is_empty() => Ok(known.iter().map(|name| (*name).to_owned()).collect()),
        None => Ok(named),
    }
}

fn build(step: &Step) -> Result<(), Problem> {
    let package = paths::package_name("server")?;
    let cmd = Cmd::cargo().words("build --profile native --bin syncline --package").arg(package);
    step.run(&cmd.minutes(60)).map(drop)
}

fn relay() -> PathBuf {
    paths::target().join("native/syncline")
}

/// In a target folder of its own: its crates are older ones.
fn install_y_sweet(step: &Step) -> Result<(), Problem> {
    if y_sweet().exists() {
        step.note("there");
        return Ok(());
    }
    let cmd = Cmd::cargo().words("install --locked").arg(Y_SWEET).words("--version").arg(Y_SWEET_VERSION);
    let cmd =
        cmd.words("--root").arg(y_sweet_folder()).words("--target-dir").arg(paths::target().join("load/y-sweet-build"));
    step.run(&cmd.minutes(60)).map(drop)
}

fn y_sweet_folder() -> PathBuf {
    paths::target().join("load/y-sweet")
}

fn y_sweet() -> PathBuf {
    y_sweet_folder().join("bin").join(Y_SWEET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_the_program_knows() {
        let text = |file: &str| std::fs::read_to_string(paths::root().join("tests/load/lib").join(file)).unwrap();
        for (file, names) in [("relays.mjs", RELAYS), ("runs.mjs", RUNS)] {
            let text = text(file);
            for name in names {
                let keys = [format!("\n  {name}: {{"), format!("\n  \"{name}\": "), format!("\n  {name}: {{ ...ours")];
                assert!(keys.iter().any(|key| text.contains(key)), "{name} is not in {file}");
            }
        }
        let mut args = Args::new(["--run", "idel"].map(Into::into).to_vec());
        assert!(named(&mut args, "--run", RUNS).unwrap_err().to_string().contains("idle"));
    }
}
