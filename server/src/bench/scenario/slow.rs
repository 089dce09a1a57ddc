//! One reader stops reading its socket: what the others notice, and whether it gets everything in the end.

use std::time::{Duration, Instant};

use super::{Stage, note_cost};
use crate::bench::connection::{Connection, closed};
use crate::bench::mark::Mark;
use crate::bench::peer::{Content, Event};
use crate::bench::{BenchError, Report};
use crate::client::transport;

/// Receive buffer of the reader that stops, in bytes, so that the relay notices soon.
const RECEIVE_BUFFER: u32 = 8 * 1024;

/// Time for it to get everything after it reads again.
const CATCH_UP: Duration = Duration::from_secs(60);

/// Time between two attempts to find everything in the room, and their number.
const PAUSE: Duration = Duration::from_millis(200);
const LOOKS: usize = 25;

/// How the reader got what it had missed.
enum CaughtUp {
    /// By reading on.
    Waited,
    /// It was closed, and joined anew.
    CameBack(String),
    Never(String),
}

/// Runs twice, without and with a reader that does not read.
pub(in crate::bench) async fn slow_reader(stage: &Stage) -> Result<Report, BenchError> {
    let without = stage.pace(stage.cast().await?, "all read").await?;
    let cast = stage.cast().await?;
    // Beyond the numbers of the others.
    let slow = stage.target.join_with(0, stage.connections(), Some(RECEIVE_BUFFER)).await;
    let (slow, _) = slow.map_err(|reason| BenchError::Connect { failed: 1, tried: 1, reason })?;
    let with = stage.pace(cast, "one does not read").await?;
    let begin = Instant::now();
    let caught_up = tokio::time::timeout(CATCH_UP, stage.catch_up(slow)).await;
    let caught_up = caught_up.unwrap_or_else(|_| CaughtUp::Never(format!("not in {} s", CATCH_UP.as_secs())));

    let mut report = stage.report(u64::from(stage.connections()) + 1);
    let (alone, beside) = (without.run.tally.arrival.summary(), with.run.tally.arrival.summary());
    if alone.p99_ms > 0.0 {
        let change = (beside.p99_ms / alone.p99_ms - 1.0) * 100.0;
        report.fact("p99_change_percent", change, "%", "change of the 99th percentile of the others");
    }
    let whole = !matches!(caught_up, CaughtUp::Never(_));
    report.fact("resynced_whole", f64::from(u8::from(whole)), "", "the paused reader has everything (1: yes)");
    if whole {
        report.fact("caught_up_ms", begin.elapsed().as_secs_f64() * 1000.0, "ms", "time for that");
    }
    report.notes.push(match caught_up {
        CaughtUp::Waited => "The paused reader was not closed: it got everything by reading on.".into(),
        CaughtUp::CameBack(why) => format!("The paused reader was closed ({why}) and got everything by joining anew."),
        CaughtUp::Never(why) => format!("The paused reader did not get everything: {why}."),
    });
    report.series("with one that does not read", beside);
    report.series("without", alone);
    let (missing, failures) = (without.traffic.missing, without.run.tally.failures());
    note_cost(&mut report, with.looks, with.delivered, "CPU of the relay per delivered message");
    stage.finish(&mut report, with);
    report.fact("missing_without", missing as f64, "", "messages missing in the run without");
    for (reason, count) in failures {
        *report.failures.entry(reason).or_default() += count;
    }
    Ok(report)
}

impl Stage {
    /// Reads on to the last message; if the connection ends before, joins anew.
    async fn catch_up(&self, mut slow: Connection) -> CaughtUp {
        let last = Mark { writer: 0, number: self.schedule(Instant::now()).messages.saturating_sub(1) };
        let mut marks = Vec::new();
        let why = loop {
            match slow.transport.next().await {
                transport::Event::Closed { code, reason } => break closed(code, &reason),
                transport::Event::Frame(frame) => match slow.peer.take(&frame, self.plan.size, &mut marks) {
                    Event::Refused(reason) => break reason,
                    // The socket may fail now; the next turn finds out.
                    Event::Reply(frames) => drop(slow.send(frames).await),
                    Event::Nothing | Event::Joined(_) | Event::Acked(_) => {}
                },
            }
            if marks.contains(&last) {
                return CaughtUp::Waited;
            }
            marks.clear();
        };
        match self.look_for(last).await {
            Ok(()) => CaughtUp::CameBack(why),
            Err(reason) => CaughtUp::Never(format!("{why}; {reason}")),
        }
    }

    async fn look_for(&self, last: Mark) -> Result<(), String> {
        let text = last.text(self.plan.size);
        let mut found = Err("the last message is not in the room".to_owned());
        for _ in 0..LOOKS {
            found = match self.target.join(0, u32::MAX).await {
                Ok((_, content)) if Content::has(&content, &text) => return Ok(()),
                Ok(_) => found,
                Err(reason) => Err(reason),
            };
            tokio::time::sleep(PAUSE).await;
        }
        found
    }
}
