//! `cargo xtask fuzz` and `cargo xtask miri`: checks that take long or need the nightly compiler.

use std::fs;

use crate::args::Args;
use crate::paths;
use crate::problem::Problem;
use crate::process::Cmd;
use crate::steps::{Plan, Step};

/// How long each fuzz target runs unless `--seconds` says otherwise.
const SECONDS: u64 = 600;
/// The largest input of a fuzz target in bytes, and the memory that it may take in MB.
const INPUT_BYTES: u32 = 4_096;
const MEMORY_MB: u32 = 2_048;
/// Tests that take minutes under Miri because they count, hash or repeat a lot: statistics of placement and flow, bounds that
/// are reached with thousands of items, and codecs tried on all classes of input. Those of tables, leaves, lists and causal
/// contexts run fewer steps instead.
const SLOW_UNDER_MIRI: &[&str] = &[
    "place::tests::balance::",
    "place::tests::bound::",
    "place::tests::shard_maps::",
    "place::jump::tests::",
    "place::weight::tests::",
    "flow::bucket::tests::a_greedy_caller",
    "flow::bucket::tests::no_window_holds_more",
    "flow::throttle::tests::strangers_wait",
    "flow::throttle::tests::each_peer_and_each_tenant",
    "link::tests::a_message_larger_than_the_limit",
    "replica::tests::more_than_the_outbox_holds",
    "replica::retire_tests::opening_a_room_with_many_writers",
    "doc::tests::deleting_ten_thousand_keys",
    "doc::leaves::tests::when_all_leaves_are_gone",
    "doc::join::tests::a_leaf_that_is_listed_twice",
    "quorum::tests::waiting_writes_are_bounded",
    "quorum::commit::tests::commits_that_were_forgotten",
    "bytes::crc::tests::long_inputs",
    "crdt::position::tests::",
    "reconcile::cell::tests::items_spread_over",
    "reconcile::peel::tests::",
    "reconcile::lists::tests::",
    "reconcile::wire::tests::",
    "reconcile::estimate::tests::",
    "reconcile::trie::tests::",
    "delta::strings::tests::every_class_comes_back",
    "clock::retired::tests::what_is_forgotten",
];

/// `cargo xtask fuzz`.
pub(crate) fn fuzz(mut args: Args) -> Result<(), Problem> {
    let targets = targets()?;
    let only = args.only(targets.iter().map(String::as_str))?;
    let seconds = args.value::<u64>("--seconds")?.unwrap_or(SECONDS);
    args.finish()?;
    let mut plan = Plan::new(only.len() + 2);
    plan.step("Fuzzing tools", fuzzing_tools)?;
    plan.step("Fuzz targets and their first inputs", build_targets)?;
    let mut failed = Ok(());
    for target in only {
        // A finding in one target does not spare the others.
        if let Err(problem) = plan.step(&format!("Fuzz {target}"), |step| fuzz_target(step, target, seconds)) {
            failed = Err(problem);
        }
    }
    failed
}

/// `cargo xtask miri`.
pub(crate) fn miri(args: Args) -> Result<(), Problem> {
    args.finish()?;
    let mut plan = Plan::new(2);
    plan.step("Miri", miri_tool)?;
    plan.step("Unit tests of the core under Miri", |step| {
        let mut tests = Cmd::new("cargo").words("+nightly miri test --package syncline --no-default-features --lib --");
        for slow in SLOW_UNDER_MIRI {
            tests = tests.arg("--skip").arg(*slow);
        }
        // A target folder of its own, or each change of compiler would build everything again.
        step.run(&tests.env("CARGO_TARGET_DIR", paths::target().join("miri")).minutes(120)).map(drop)
    })
}

fn targets() -> Result<Vec<String>, Problem> {
    let folder = paths::root().join("tests/fuzz/targets");
    let files = fs::read_dir(&folder).map_err(Problem::file(&folder))?;
    let names = files.flatten().filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

fn fuzzing_tools(_: &Step) -> Result<(), Problem> {
    nightly()?;
    match Cmd::new("cargo").words("fuzz --version").output() {
        Some(_) => Ok(()),
        None => Err(Problem::missing("cargo-fuzz", "cargo install cargo-fuzz --locked --version 0.13.2")),
    }
}

fn miri_tool(_: &Step) -> Result<(), Problem> {
    nightly()?;
    match Cmd::new("cargo").words("+nightly miri --version").output() {
        Some(_) => Ok(()),
        None => Err(Problem::missing("Miri", "rustup component add --toolchain nightly miri rust-src")),
    }
}

fn nightly() -> Result<(), Problem> {
    match Cmd::new("cargo").words("+nightly --version").output() {
        Some(_) => Ok(()),
        None => Err(Problem::missing("the nightly compiler", "rustup toolchain install nightly --profile minimal")),
    }
}

fn build_targets(step: &Step) -> Result<(), Problem> {
    let corpus = paths::target().join("fuzz-corpus");
    step.run(&Cmd::cargo().words("run --quiet --package syncline-tests --bin corpus --").arg(&corpus))?;
    step.run(&in_fuzz_folder("build")).map(drop)
}

fn fuzz_target(step: &Step, target: &str, seconds: u64) -> Result<(), Problem> {
    let corpus = paths::target().join("fuzz-corpus").join(target);
    paths::create_dir(&corpus)?;
    let run = in_fuzz_folder("run").arg(target).arg(corpus).arg("--").arg(format!("-max_total_time={seconds}"));
    let run = run.arg(format!("-max_len={INPUT_BYTES}")).arg(format!("-rss_limit_mb={MEMORY_MB}"));
    step.run(&run.words("-print_final_stats=1 -timeout=20").minutes(seconds / 60 + 30))?;
    step.note(format!("{seconds} s without a finding"));
    Ok(())
}

fn in_fuzz_folder(command: &str) -> Cmd {
    let cmd = Cmd::new("cargo").words("+nightly fuzz").arg(command).words("--fuzz-dir .").dir("tests/fuzz");
    cmd.env("CARGO_TARGET_DIR", paths::target().join("fuzz")).minutes(60)
}
