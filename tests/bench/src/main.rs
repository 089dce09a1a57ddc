//! Benchmarks: Syncline beside yrs, Loro and Automerge on the same work in the same run.
//!
//! Prints one JSON object per workload and library on stdout, and progress on stderr. The libraries take turns, so that
//! a machine that is busy for a while disturbs all of them alike; each figure is the median of the rounds.

mod data;
mod library;
mod measure;
mod workload;

use library::{Automerge, Loro, OrSets, Orswots, Syncline, Yrs};
use measure::{Sample, median};
use std::process::ExitCode;
use std::time::Duration;
use workload::Workload;

const USAGE: &str = "\
Usage: syncline-bench [--rounds N] [--percent P] [--only WORKLOAD] [--library NAME]
  --rounds N       how often each is run; the median is printed (3)
  --percent P      share of the work, from 1 for a quick check to 100 (100)
  --only WORKLOAD  only this workload; may be repeated
  --library NAME   only this library; may be repeated";

/// A sample longer than this is not repeated: the noise is small beside it.
const LONG: Duration = Duration::from_secs(8);

/// A library, or another way to use one, with the workloads in which that makes a difference.
struct Contender {
    name: &'static str,
    run: fn(Workload, usize) -> Result<Sample, String>,
    workloads: &'static [Workload],
}

const WHOLE: &[Workload] =
    &[Workload::Encode, Workload::Load, Workload::LoadRead, Workload::Overwrite, Workload::Delete];

const CONTENDERS: &[Contender] = &[
    Contender { name: "syncline", run: Workload::run::<Syncline<false>>, workloads: &Workload::ALL },
    Contender { name: "syncline (blobs)", run: Workload::run::<Syncline<true>>, workloads: &[Workload::OneOp] },
    Contender { name: "yrs", run: Workload::run::<Yrs<false>>, workloads: &Workload::ALL },
    Contender { name: "yrs (v2)", run: Workload::run::<Yrs<true>>, workloads: WHOLE },
    Contender { name: "loro", run: Workload::run::<Loro<false>>, workloads: &Workload::ALL },
    Contender { name: "loro (shallow)", run: Workload::run::<Loro<true>>, workloads: WHOLE },
    Contender { name: "automerge", run: Workload::run::<Automerge>, workloads: &Workload::ALL },
    // Sets without a document around them.
    Contender { name: "syncline (OrSet)", run: Workload::run_set::<OrSets>, workloads: &[Workload::MergeSets] },
    Contender { name: "crdts (Orswot)", run: Workload::run_set::<Orswots>, workloads: &[Workload::MergeSets] },
];

struct Options {
    rounds: usize,
    percent: usize,
    only: Vec<String>,
    libraries: Vec<String>,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { rounds: 3, percent: 100, only: Vec::new(), libraries: Vec::new() };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value\n{USAGE}"));
        let number = |text: String| text.parse().ok().filter(|&number| number > 0);
        match arg.as_str() {
            "--rounds" => options.rounds = number(value()?).ok_or(USAGE)?,
            "--percent" => options.percent = number(value()?).filter(|&percent| percent <= 100).ok_or(USAGE)?,
            "--only" => options.only.push(value()?),
            "--library" => options.libraries.push(value()?),
            _ => return Err(USAGE.to_owned()),
        }
    }
    let unknown = options.only.iter().find(|name| !Workload::ALL.iter().any(|workload| workload.name() == **name));
    match unknown {
        Some(name) => Err(format!("{name} is not one of {}", Workload::ALL.map(Workload::name).join(", "))),
        None => Ok(options),
    }
}

fn run(options: &Options) -> Result<(), String> {
    let chosen = |list: &[String], name: &str| list.is_empty() || list.iter().any(|item| item == name);
    for workload in Workload::ALL.into_iter().filter(|workload| chosen(&options.only, workload.name())) {
        let contenders: Vec<&Contender> = CONTENDERS
            .iter()
            .filter(|contender| contender.workloads.contains(&workload) && chosen(&options.libraries, contender.name))
            .collect();
        let mut samples = vec![Vec::new(); contenders.len()];
        for round in 0..options.rounds {
            eprintln!("rust {} round {}/{}", workload.name(), round + 1, options.rounds);
            // Another one begins in each round.
            for turn in 0..contenders.len() {
                let at = (turn + round) % contenders.len();
                if samples[at].iter().any(|sample: &Sample| sample.cpu > LONG) {
                    continue;
                }
                let sample = (contenders[at].run)(workload, options.percent)
                    .map_err(|problem| format!("{} in {}: {problem}", workload.name(), contenders[at].name))?;
                samples[at].push(sample);
            }
        }
        for (contender, samples) in contenders.iter().zip(&samples) {
            if let Some(sample) = median(samples) {
                println!("{}", line(workload.name(), contender.name, sample));
            }
        }
    }
    Ok(())
}

fn line(workload: &str, library: &str, sample: Sample) -> String {
    let seconds = sample.cpu.as_secs_f64();
    let mut line = format!(r#"{{"language":"rust","workload":"{workload}","library":"{library}""#);
    // Some workloads have only a size.
    if !sample.cpu.is_zero() {
        line += &format!(r#","cpu_s":{seconds:.6}"#);
    }
    if let Some(bytes) = sample.bytes {
        line += &format!(r#","bytes":{}"#, (bytes * 10.0).round() / 10.0);
    }
    if let Some(lost) = sample.lost {
        line += &format!(r#","lost":{lost}"#);
    }
    line + "}"
}
