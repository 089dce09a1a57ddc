//! Many clients at once: to rooms that hold data, or back after a common loss.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::{Stage, note_cost};
use crate::bench::connection::Connection;
use crate::bench::peer::last_key;
use crate::bench::progress::Progress;
use crate::bench::tally::{Tally, add};
use crate::bench::{BenchError, Report};

/// What a storm came to.
struct Outcome {
    tally: Arc<Tally>,
    connections: Vec<Connection>,
    seconds: f64,
}

/// Everybody joins at once.
pub(in crate::bench) async fn join_storm(stage: &Stage) -> Result<Report, BenchError> {
    stage.fill().await?;
    let mut report = stage.report(u64::from(stage.plan.clients));
    let before = stage.look()?;
    let outcome = stage.storm("joining").await;
    let after = stage.look()?;
    note_cost(&mut report, (before, after), u64::from(stage.plan.clients), "CPU of the relay per join");
    stage.conclude(&mut report, outcome, "from the common start to all content");
    Ok(report)
}

/// Everybody is there, loses the connection, and comes back at once.
pub(in crate::bench) async fn reconnect_storm(stage: &Stage) -> Result<Report, BenchError> {
    stage.fill().await?;
    let progress = Progress::start("connecting", u64::from(stage.plan.clients));
    let connections = stage.target.join_all(stage.members(), &progress.done).await?;
    drop(progress);
    let mut report = stage.report(u64::from(stage.plan.clients));
    let before = stage.look()?;
    // Without a word, as when a network fails.
    drop(connections);
    let outcome = stage.storm("coming back").await;
    let after = stage.look()?;
    note_cost(
        &mut report,
        (before, after),
        u64::from(stage.plan.clients),
        "CPU of the relay per client that came back",
    );
    stage.conclude(&mut report, outcome, "from the loss to all content");
    Ok(report)
}

impl Stage {
    async fn storm(&self, step: &str) -> Outcome {
        let progress = Progress::start(step, u64::from(self.plan.clients));
        let (tally, last, start) = (Arc::new(Tally::default()), last_key(self.plan.cells), Instant::now());
        let mut joins = JoinSet::new();
        for (number, room) in self.members() {
            // The names are all that a join needs.
            let (target, tally, done) = (self.target.clone(), tally.clone(), progress.done.clone());
            joins.spawn(async move {
                let joined = target.join(room, number).await;
                let took = start.elapsed();
                add(&done, 1);
                match joined {
                    Ok((connection, content)) => {
                        tally.arrival.note(number, took);
                        add(&tally.bytes, content.bytes.len() as u64);
                        Some((connection, content))
                    }
                    Err(reason) => {
                        tally.failed(&reason);
                        None
                    }
                }
            });
        }
        let mut connections = Vec::new();
        let mut checked = false;
        while let Some(joined) = joins.join_next().await {
            let Ok(Some((connection, content))) = joined else { continue };
            // One is looked at closely: it takes longer than all else that is done here.
            if !std::mem::replace(&mut checked, true) && self.plan.cells > 0 && !content.has(&last) {
                tally.failed("joined without the content of the room");
            }
            connections.push(connection);
        }
        Outcome { tally, connections, seconds: start.elapsed().as_secs_f64() }
    }

    fn conclude(&self, report: &mut Report, outcome: Outcome, what: &'static str) {
        let joined = outcome.connections.len() as f64;
        report.series(what, outcome.tally.arrival.summary());
        report.fact("joined", joined, "", "clients that got in");
        report.fact("joins_per_second", joined / outcome.seconds, "/s", "joins");
        let bytes = outcome.tally.traffic(0).bytes as f64;
        report.fact("bytes_per_join", bytes / joined.max(1.0), "B", "content per join");
        report.failures = outcome.tally.failures();
    }
}
