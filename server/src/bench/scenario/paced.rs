//! Runs in which messages are due at fixed times.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Stage;
use crate::bench::BenchError;
use crate::bench::connection::{Connection, Run};
use crate::bench::plan::Scenario;
use crate::bench::process::Look;
use crate::bench::progress::Progress;
use crate::bench::schedule::{Lane, Pacer, Schedule};
use crate::bench::tally::{Tally, Traffic};

/// Time between the last join and the first message.
const SETTLE: Duration = Duration::from_millis(300);

/// Time without any arrival after which nothing more is expected, and the longest wait altogether.
const QUIET: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two looks at the counts.
const LOOK: Duration = Duration::from_millis(20);

/// Who takes part: the writers first, then those who only read.
pub(super) struct Cast {
    pub(super) connections: Vec<Connection>,
    pub(super) writers: u32,
    /// Readers of each message.
    pub(super) readers: Vec<u64>,
}

/// What a run came to.
pub(super) struct Outcome {
    pub(super) run: Arc<Run>,
    pub(super) traffic: Traffic,
    /// The relay when the messages that count began, and at the end.
    pub(super) looks: (Option<Look>, Option<Look>),
    /// Messages delivered and acknowledged between the two.
    pub(super) delivered: u64,
    pub(super) acked: u64,
}

impl Stage {
    pub(super) fn schedule(&self, start: Instant) -> Schedule {
        let plan = &self.plan;
        let warmup = plan.warmup_messages();
        let messages = warmup + plan.messages();
        Schedule { start, every: plan.every(), writers: plan.writers(), warmup, messages }
    }

    /// Lets all take part until every message was sent and has arrived, or nothing arrives any more. `meanwhile` runs beside.
    pub(super) async fn pace(&self, cast: Cast, step: &str) -> Result<Outcome, BenchError> {
        let schedule = self.schedule(Instant::now() + SETTLE);
        let presence = self.plan.scenario == Scenario::Presence;
        let run = Arc::new(Run { tally: Tally::default(), schedule, size: self.plan.size, presence });
        let (stop, stopped) = watch::channel(false);
        let lanes: Vec<Arc<Lane>> = (0..cast.writers).map(|_| Arc::default()).collect();
        let mut tasks = JoinSet::new();
        for (at, connection) in cast.connections.into_iter().enumerate() {
            tasks.spawn(connection.take_part(run.clone(), lanes.get(at).cloned(), stopped.clone()));
        }
        let pacer = Pacer::start(schedule, lanes).map_err(|error| BenchError::System(error.to_string()))?;
        let expected = cast.readers.iter().sum::<u64>() * u64::from(schedule.messages);
        let progress = Progress::start(step, expected.max(1));
        until(&run, schedule.measured_from(), &progress).await;
        let (before, delivered, acked) = (self.look()?, run.delivered(), run.acked());
        until(&run, schedule.end(), &progress).await;
        rest(&run, expected, &progress).await;
        let looks = (before, self.look()?);
        drop(pacer);
        stop.send_replace(true);
        while tasks.join_next().await.is_some() {}
        let traffic = run.tally.traffic(expected);
        let (delivered, acked) = (run.delivered() - delivered, run.acked() - acked);
        Ok(Outcome { run, traffic, looks, delivered, acked })
    }
}

async fn until(run: &Run, end: Instant, progress: &Progress) {
    while Instant::now() < end {
        show(run, progress);
        tokio::time::sleep(LOOK.min(end.saturating_duration_since(Instant::now()))).await;
    }
}

/// Waits for what is still on its way.
async fn rest(run: &Run, expected: u64, progress: &Progress) {
    let begin = Instant::now();
    let (mut last, mut since) = ((0, 0), Instant::now());
    let sent = |run: &Run| run.tally.traffic(0).sent;
    while begin.elapsed() < PATIENCE && since.elapsed() < QUIET {
        let now = (run.delivered(), run.acked());
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if now.0 >= expected && now.1 >= sent(run) {
            break;
        }
        show(run, progress);
        tokio::time::sleep(LOOK).await;
    }
}

fn show(run: &Run, progress: &Progress) {
    progress.done.store(run.delivered(), std::sync::atomic::Ordering::Relaxed);
}
