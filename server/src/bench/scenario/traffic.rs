//! One writer for many readers, many rooms, presence, and durable acknowledgements.

use super::paced::{Cast, Outcome};
use super::{Stage, note_cost};
use crate::bench::latency::Recorder;
use crate::bench::plan::{Dialect, Scenario};
use crate::bench::progress::Progress;
use crate::bench::{BenchError, Report, fsync};

/// Lateness of the tool itself beyond which its figures are doubtful, in milliseconds at the 99th percentile.
const LATE_MS: f64 = 10.0;

/// Messages to others: how long they take, and what they cost.
pub(in crate::bench) async fn traffic(stage: &Stage) -> Result<Report, BenchError> {
    let outcome = stage.pace(stage.cast().await?, "sending").await?;
    let mut report = stage.report(u64::from(stage.connections()));
    report.series("from due to arrival", outcome.run.tally.arrival.summary());
    report.series("from due to acknowledgement", outcome.run.tally.ack.summary());
    stage.finish(&mut report, outcome);
    Ok(report)
}

/// Writes until the disk has them.
pub(in crate::bench) async fn durable(stage: &Stage) -> Result<Report, BenchError> {
    let disk = Recorder::default();
    stage.time_disk(&disk).await?;
    let outcome = stage.pace(stage.cast().await?, "writing").await?;
    stage.time_disk(&disk).await?;
    let mut report = stage.report(u64::from(stage.connections()));
    let (ack, disk) = (outcome.run.tally.ack.summary(), disk.summary());
    if disk.count > 0 && ack.count > 0 {
        report.fact("fsync_p50_ms", disk.p50_ms, "ms", "fsync, median");
        report.fact("fsync_p99_ms", disk.p99_ms, "ms", "fsync, 99th percentile");
        report.fact("ack_to_fsync_p99", ack.p99_ms / disk.p99_ms, "", "acknowledgement / fsync at the 99th percentile");
    }
    report.series("from due to acknowledgement", ack);
    report.series("from due to arrival", outcome.run.tally.arrival.summary());
    report.series("fsync of 4 KiB, nothing else going on", disk);
    report.notes.push(
        match stage.plan.dialect {
            Dialect::Syncline => "Acknowledged means durable: fsync has returned.",
            Dialect::YWebsocket => {
                "Acknowledged means echoed, which says something about the disk only at relays that echo after fsync."
            }
            Dialect::Hocuspocus => {
                "Acknowledged is what the server says; whether the disk has it by then is up to the server."
            }
        }
        .into(),
    );
    stage.finish(&mut report, outcome);
    Ok(report)
}

impl Stage {
    /// Clients, and the writer that does not count as one.
    pub(super) fn connections(&self) -> u32 {
        self.plan.clients + u32::from(self.has_own_writer())
    }

    fn has_own_writer(&self) -> bool {
        matches!(self.plan.scenario, Scenario::Fanout | Scenario::SlowReader)
    }

    /// Brings all of them in.
    pub(super) async fn cast(&self) -> Result<Cast, BenchError> {
        let (all, rooms, writers) = (self.connections(), self.plan.rooms, self.plan.writers());
        let progress = Progress::start("connecting", u64::from(all));
        let members = (0..all).map(|number| (number, number % rooms));
        let connections = self.target.join_all(members, &progress.done).await?;
        let others = |writer: u32| u64::from(all / rooms + u32::from(writer % rooms < all % rooms)) - 1;
        Ok(Cast { connections, writers, readers: (0..writers).map(others).collect() })
    }

    async fn time_disk(&self, into: &Recorder) -> Result<(), BenchError> {
        let Some(folder) = &self.plan.fsync_dir else { return Ok(()) };
        let _progress = Progress::start("timing fsync", 1);
        tokio::task::block_in_place(|| fsync::measure(folder, into))
    }

    /// What all paced runs have in common.
    pub(super) fn finish(&self, report: &mut Report, outcome: Outcome) {
        let late = outcome.run.tally.late.summary();
        report.fact("late_p99_ms", late.p99_ms, "ms", "lateness of this tool, 99th percentile");
        if late.p99_ms > LATE_MS {
            let text = "This tool did not keep its own schedule: it or the machine was overloaded, or the relay took what was sent too slowly. Its lateness is part of all times.";
            report.notes.push(text.into());
        }
        match self.plan.scenario {
            Scenario::Durable => {
                note_cost(report, outcome.looks, outcome.acked, "CPU of the relay per acknowledged message")
            }
            _ => note_cost(report, outcome.looks, outcome.delivered, "CPU of the relay per delivered message"),
        }
        report.traffic = Some(outcome.traffic);
        report.failures = outcome.run.tally.failures();
    }
}
