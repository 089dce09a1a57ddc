//! Connections that are held and do nothing: what each costs the relay in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Stage;
use crate::bench::connection::{Ended, Run};
use crate::bench::progress::Progress;
use crate::bench::schedule::Schedule;
use crate::bench::tally::{Tally, add};
use crate::bench::{BenchError, Report};

/// Share of the connections that come before the first look, so that what is paid once is not counted; and how many at least.
const FIRST_SHARE: u32 = 20;
const FIRST: u32 = 10;

/// Time for the relay to come to rest before a look.
const REST: Duration = Duration::from_millis(500);

/// Time between two steps of the progress.
const SECOND: Duration = Duration::from_secs(1);

/// Holds all connections for the time of the run.
pub(in crate::bench) async fn idle(stage: &Stage) -> Result<Report, BenchError> {
    let clients = stage.plan.clients;
    let progress = Progress::start("connecting", u64::from(clients));
    let first = (clients / FIRST_SHARE).max(FIRST).min(clients);
    let mut early = stage.target.join_all(stage.members().take(first as usize), &progress.done).await?;
    tokio::time::sleep(REST).await;
    let before = stage.look()?;
    let begin = Instant::now();
    early.extend(stage.target.join_all(stage.members().skip(first as usize), &progress.done).await?);
    let connecting = begin.elapsed();
    drop(progress);

    // Nothing is due: the connections answer pings, and that is all.
    let schedule = Schedule { start: Instant::now(), every: SECOND, writers: 0, warmup: 0, messages: 0 };
    let run = Arc::new(Run { tally: Tally::default(), schedule, size: stage.plan.size, presence: false });
    let (stop, stopped) = watch::channel(false);
    let mut held = JoinSet::new();
    for connection in early {
        held.spawn(connection.take_part(run.clone(), None, stopped.clone()));
    }
    tokio::time::sleep(REST).await;
    let resting = stage.look()?;
    let progress = Progress::start("holding", stage.plan.seconds);
    for _ in 0..stage.plan.seconds {
        tokio::time::sleep(SECOND).await;
        add(&progress.done, 1);
    }
    let after = stage.look()?;
    stop.send_replace(true);
    let ends = held.join_all().await;
    let kept = ends.iter().filter(|end| **end == Ended::Stopped).count() as u64;

    let mut report = stage.report(u64::from(clients));
    report.fact("held", kept as f64, "", "connections held to the end");
    let more = clients - first;
    if more > 0 {
        report.fact("connects_per_second", f64::from(more) / connecting.as_secs_f64(), "/s", "connections opened");
    }
    if let (Some(before), Some(resting), Some(after)) = (before, resting, after) {
        let grown = |look: u64| (look as f64 - before.memory as f64) / 1024.0 / f64::from(more.max(1));
        report.fact("kib_per_connection", grown(after.memory), "KiB", "memory of the relay per connection");
        report.fact("kib_per_connection_at_first", grown(resting.memory), "KiB", "the same right after connecting");
        report.fact(
            "idle_cpu_ms",
            (after.cpu_ms - resting.cpu_ms) as f64,
            "ms",
            "CPU of the relay while they are held",
        );
        report.fact("relay_memory_mb", after.memory as f64 / 1e6, "MB", "memory of the relay at the end");
        report.notes.push(format!("Memory counts from the first {first} connections on. It is that of the process; buffers of the kernel are beside it."));
    }
    report.failures = run.tally.failures();
    Ok(report)
}
