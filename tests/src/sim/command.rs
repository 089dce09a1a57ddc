//! The command `simulate`: its arguments, and the runs that it asks for.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::cluster::world::{self, World};
use super::run::{self, Simulation};
use crate::rng::panic_text;

/// What `simulate --help` says.
pub const HELP: &str = "\
Runs the simulators: real state machines in virtual time, under faults that a seed decides.

  simulate [--seeds COUNT] [--from SEED] [--jobs COUNT] [--only KIND]
  simulate --seed SEED [--story] [--only KIND]

  --seeds COUNT   how many seeds to run (2000)
  --from SEED     the first of them (1)
  --jobs COUNT    how many to run at a time (as many as there are cores)
  --only KIND     `client` (clients, links, a relay) or `cluster` (nodes, quorums, terms, transactions); both without it
  --seed SEED     run this one alone
  --story         print the story of that run: who sent what, faults, what was told to whom
  -h, --help      print this

Ends with status 1 and the command that replays it at the first seed that fails, with status 2 if the arguments are wrong.
";

/// Which simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Clients, links, a relay.
    Client,
    /// Nodes of a cluster.
    Cluster,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Client => "client",
            Kind::Cluster => "cluster",
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The first seed.
    pub from: u64,
    /// How many.
    pub count: u64,
    /// How many at a time.
    pub jobs: usize,
    /// Which simulators.
    pub kinds: Vec<Kind>,
    /// Whether to print the story.
    pub story: bool,
}

/// Reads arguments; `None` if help is asked for.
///
/// # Errors
/// What is wrong with them.
pub fn parse(arguments: &[String], cores: usize) -> Result<Option<Plan>, String> {
    let kinds = vec![Kind::Client, Kind::Cluster];
    let mut plan = Plan { from: 1, count: 2_000, jobs: cores, kinds, story: false };
    let (mut single, mut range) = (false, false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "-h" | "--help" => return Ok(None),
            "--story" => plan.story = true,
            "--seeds" => (plan.count, range) = (number(argument, value()?, 1)?, true),
            "--from" => (plan.from, range) = (number(argument, value()?, 0)?, true),
            "--jobs" => plan.jobs = number(argument, value()?, 1)? as usize,
            "--seed" => (plan.from, plan.count, single) = (number(argument, value()?, 0)?, 1, true),
            "--only" => {
                plan.kinds = match value()?.as_str() {
                    "client" => vec![Kind::Client],
                    "cluster" => vec![Kind::Cluster],
                    other => return Err(format!("--only is `client` or `cluster`, not `{other}`")),
                }
            }
            other => return Err(format!("`{other}` is not known")),
        }
    }
    if single && range {
        return Err("--seed runs one seed: leave out --seeds and --from".into());
    }
    if plan.story && !single {
        return Err("--story is of one run: say which with --seed".into());
    }
    Ok(Some(plan))
}

fn number(argument: &str, value: &str, least: u64) -> Result<u64, String> {
    let read = value.parse().ok().filter(|number| *number >= least);
    read.ok_or(format!("{argument} needs a number from {least}, not `{value}`"))
}

/// Runs one seed. Returns its story, which is empty unless it is asked for.
///
/// # Errors
/// What went wrong, after the story.
pub fn run_one(kind: Kind, seed: u64, story: bool) -> (String, Result<(), String>) {
    match kind {
        Kind::Client => Simulation::new(seed).tell(run::ACTIONS, story),
        Kind::Cluster => match World::new(seed, story) {
            Ok(world) => {
                let report = world.run(world::ACTIONS);
                (report.story, report.problem.map_or(Ok(()), Err))
            }
            Err(problem) => (String::new(), Err(problem)),
        },
    }
}

/// Carries out a plan, with progress on standard error.
///
/// # Errors
/// The first seed that failed, why, and the command that replays it.
pub fn carry_out(plan: &Plan) -> Result<(), String> {
    let began = Instant::now();
    let (next, done, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let failure = Mutex::new(None::<String>);
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= plan.count {
                        return;
                    }
                    if let Err(problem) = run_seed(plan, plan.from + at) {
                        stop.store(true, Ordering::Relaxed);
                        if let Ok(mut first) = failure.lock() {
                            first.get_or_insert(problem);
                        }
                        return;
                    }
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done % (plan.count / 20).max(1) == 0 {
                        eprintln!("{done} of {} seeds, {:.0} s", plan.count, began.elapsed().as_secs_f64());
                    }
                }
            });
        }
    });
    failure.into_inner().ok().flatten().map_or(Ok(()), Err)
}

fn run_seed(plan: &Plan, seed: u64) -> Result<(), String> {
    for &kind in &plan.kinds {
        let run = std::panic::AssertUnwindSafe(|| run_one(kind, seed, plan.story));
        let (story, result) = std::panic::catch_unwind(run)
            .unwrap_or_else(|panic| (String::new(), Err(format!("panicked: {}", panic_text(&panic)))));
        print!("{story}");
        let name = kind.name();
        result.map_err(|problem| {
            let command = "cargo run --release -p syncline-tests --bin simulate --";
            format!(
                "seed {seed} of the {name} simulator: {problem}\nreplay: {command} --only {name} --seed {seed} --story"
            )
        })?;
    }
    Ok(())
}
