//! When each message is due, whether the relay keeps up or not.
//!
//! The schedule is fixed before the run (open loop). A latency counts from the time at which a message was due, so a relay that stalls
//! pays for all the messages that had to wait for it (Tene: "How not to measure latency", coordinated omission).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Longest sleep of the thread that keeps the schedule, so that it notices an early end.
const NAP: Duration = Duration::from_millis(50);

/// The times of all messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    pub(super) start: Instant,
    /// Time between two messages of one writer.
    pub(super) every: Duration,
    pub(super) writers: u32,
    /// Messages of each writer before those that count.
    pub(super) warmup: u32,
    /// Messages of each writer, those before included.
    pub(super) messages: u32,
}

impl Schedule {
    /// When a message of a writer is due. Writers take turns.
    pub(super) fn due(&self, writer: u32, number: u32) -> Instant {
        let turn = self.every.as_secs_f64() * f64::from(writer) / f64::from(self.writers.max(1));
        self.start + Duration::from_secs_f64(self.every.as_secs_f64() * f64::from(number) + turn)
    }

    pub(super) fn counts(&self, number: u32) -> bool {
        number >= self.warmup
    }

    /// When the messages that count begin.
    pub(super) fn measured_from(&self) -> Instant {
        self.due(0, self.warmup)
    }

    pub(super) fn end(&self) -> Instant {
        self.due(0, self.messages)
    }

    /// Messages that are due at a time, of all writers together.
    fn passed(&self, now: Instant) -> u64 {
        let Some(since) = now.checked_duration_since(self.start) else { return 0 };
        let turns = since.as_secs_f64() / self.every.as_secs_f64() * f64::from(self.writers);
        (turns as u64 + 1).min(u64::from(self.writers) * u64::from(self.messages))
    }
}

/// What one writer is told: up to which message it is its turn.
#[derive(Debug, Default)]
pub(super) struct Lane {
    due: AtomicU32,
    wake: Notify,
}

impl Lane {
    /// Messages that are due by now.
    pub(super) fn due(&self) -> u32 {
        self.due.load(Ordering::Acquire)
    }

    /// Waits for the next. Cancel safe.
    pub(super) async fn next(&self) {
        self.wake.notified().await;
    }
}

/// The thread that tells writers when it is time. Timers of tokio are too coarse: they fire on whole milliseconds.
#[derive(Debug)]
pub(super) struct Pacer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pacer {
    /// Starts it; it ends after the last message.
    pub(super) fn start(schedule: Schedule, lanes: Vec<Arc<Lane>>) -> std::io::Result<Pacer> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread =
            std::thread::Builder::new().name("schedule".into()).spawn(move || keep(&schedule, &lanes, &stopped))?;
        Ok(Pacer { stop, thread: Some(thread) })
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It does not panic; if it did, the run would miss messages and say so.
            let _ = thread.join();
        }
    }
}

fn keep(schedule: &Schedule, lanes: &[Arc<Lane>], stop: &AtomicBool) {
    let (writers, mut told) = (u64::from(schedule.writers), 0);
    let total = writers * u64::from(schedule.messages);
    while told < total && !stop.load(Ordering::Relaxed) {
        let passed = schedule.passed(Instant::now());
        for turn in told..passed {
            let lane = &lanes[(turn % writers) as usize];
            lane.due.store((turn / writers) as u32 + 1, Ordering::Release);
            lane.wake.notify_one();
        }
        told = passed;
        let next = schedule.due((told % writers) as u32, (told / writers) as u32);
        std::thread::sleep(next.saturating_duration_since(Instant::now()).min(NAP));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_take_turns_and_each_message_has_its_time() {
        let start = Instant::now();
        let schedule = Schedule { start, every: Duration::from_millis(100), writers: 4, warmup: 10, messages: 30 };
        assert_eq!(schedule.due(0, 0), start);
        assert_eq!(schedule.due(2, 1), start + Duration::from_millis(150));
        assert_eq!(schedule.passed(start + Duration::from_millis(151)), 7);
        assert_eq!(schedule.passed(start + Duration::from_secs(60)), 120);
        assert!(!schedule.counts(9) && schedule.counts(10));
        assert_eq!(schedule.measured_from(), start + Duration::from_secs(1));
    }

    #[test]
    fn the_thread_tells_every_writer_all_of_its_messages() {
        let lanes: Vec<Arc<Lane>> = (0..3).map(|_| Arc::default()).collect();
        let every = Duration::from_millis(2);
        let schedule = Schedule { start: Instant::now(), every, writers: 3, warmup: 0, messages: 20 };
        let pacer = Pacer::start(schedule, lanes.clone()).unwrap();
        while lanes.iter().any(|lane| lane.due() < 20) {
            assert!(schedule.start.elapsed() < Duration::from_secs(10));
            std::thread::sleep(every);
        }
        drop(pacer);
    }
}
