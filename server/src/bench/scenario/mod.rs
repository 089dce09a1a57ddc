//! The runs.

mod fill;
mod idle;
mod paced;
mod slow;
mod storm;
mod traffic;

pub(super) use idle::idle;
pub(super) use slow::slow_reader;
pub(super) use storm::{join_storm, reconnect_storm};
pub(super) use traffic::{durable, traffic};

use super::BenchError;
use super::connection::Target;
use super::plan::Plan;
use super::process::{Look, Process};
use super::report::Report;

/// Where a run takes place.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) plan: Plan,
    pub(super) target: Target,
    process: Option<Process>,
}

impl Stage {
    pub(super) fn new(plan: Plan) -> Result<Stage, BenchError> {
        let target = Target::new(&plan);
        target.check()?;
        let process = plan.pid.map(Process::new).transpose()?;
        Ok(Stage { plan, target, process })
    }

    /// What the relay has used and uses, if it can be looked at.
    fn look(&self) -> Result<Option<Look>, BenchError> {
        self.process.map(|process| process.look()).transpose()
    }

    fn report(&self, connections: u64) -> Report {
        Report::new(&self.plan, self.target.prefix(), connections)
    }

    /// The members of the rooms: number and room of each.
    fn members(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let rooms = self.plan.rooms;
        (0..self.plan.clients).map(move |number| (number, number % rooms))
    }
}

/// Notes what the relay used between two looks, for each of `count` of something.
fn note_cost(report: &mut Report, looks: (Option<Look>, Option<Look>), count: u64, what: &'static str) {
    let (Some(before), Some(after)) = looks else { return };
    let cpu_ms = after.cpu_ms.saturating_sub(before.cpu_ms) as f64;
    report.fact("relay_cpu_ms", cpu_ms, "ms", "CPU of the relay");
    if count > 0 {
        report.fact("relay_cpu_us_each", cpu_ms * 1000.0 / count as f64, "us", what);
    }
    report.fact("relay_memory_mb", after.memory as f64 / 1e6, "MB", "memory of the relay at the end");
    report.fact("relay_peak_mb", after.peak as f64 / 1e6, "MB", "most memory of the relay so far");
}
