//! Reads all numbers of a relay.

use std::sync::atomic::Ordering;

use super::{Family, Kind, Level, Reason};
use crate::relay::{Phase, Relay};

impl Relay {
    /// All metrics with what they are now, in the order in which they are shown.
    pub fn families(&self) -> Vec<Family> {
        let mut families = self.process();
        families.extend(self.connection_families());
        families.extend(self.room_families());
        families.extend(self.store_families());
        families
    }

    fn process(&self) -> Vec<Family> {
        let uptime = self.metrics().started.elapsed().as_secs_f64();
        let version = [(syncline::VERSION, 1)].into_iter();
        vec![
            gauge("syncline_build_info", "1, labelled with the version of the program.").by("version", version),
            gauge("syncline_uptime_seconds", "Seconds since the relay was started.").number(uptime),
            gauge("syncline_draining", "1 while the relay ends, else 0.")
                .number(f64::from(u8::from(self.phase() == Phase::Draining))),
            Family::new("syncline_trace_spans_total", "Spans of traces that ended, by outcome.", Kind::Counter)
                .by("outcome", self.metrics().spans.iter()),
        ]
    }

    fn connection_families(&self) -> Vec<Family> {
        let metrics = self.metrics();
        let (queued, longest) = self.clients().queued_bytes();
        vec![
            gauge("syncline_connections", "WebSockets that are open.").number(self.connections() as f64),
            counter("syncline_connections_opened_total", "WebSockets that were opened.", metrics.opened.value()),
            Family::new(
                "syncline_connections_refused_total",
                "Connections that were not taken, by reason.",
                Kind::Counter,
            )
            .by("reason", metrics.refused.iter()),
            counter(
                "syncline_connections_kicked_total",
                "Connections that an operator closed.",
                metrics.kicked.value(),
            ),
            counter("syncline_received_frames_total", "Frames from clients.", metrics.received.frames.value()),
            counter("syncline_received_bytes_total", "Bytes of these frames.", metrics.received.bytes.value()),
            counter(
                "syncline_sent_frames_total",
                "Frames handed to the sockets of clients.",
                metrics.sent.frames.value(),
            ),
            counter("syncline_sent_bytes_total", "Bytes of these frames.", metrics.sent.bytes.value()),
            Family::new("syncline_frames_rejected_total", "Frames that were not taken, by reason.", Kind::Counter)
                .by("reason", metrics.rejected.iter()),
            counter(
                "syncline_frames_held_back_total",
                "Frames that were read later because of a rate.",
                metrics.held_back.value(),
            ),
            gauge("syncline_outbound_queue_bytes", "Bytes that wait for all readers together.").number(queued as f64),
            gauge("syncline_outbound_queue_max_bytes", "Bytes that wait for the slowest reader.")
                .number(longest as f64),
            counter(
                "syncline_slow_readers_closed_total",
                "Connections closed with 4508 because they did not keep up.",
                metrics.slow_readers.value(),
            ),
            counter(
                "syncline_presence_dropped_total",
                "Frames of presence that were dropped for slow readers.",
                metrics.presence_dropped.value(),
            ),
        ]
    }

    fn room_families(&self) -> Vec<Family> {
        let metrics = self.metrics();
        let sizes = self.room_sizes();
        let mut acks = Family::new(
            "syncline_ack_seconds",
            "Time from the arrival of a write to its acknowledgement, by level.",
            Kind::Histogram,
        );
        for level in Level::ALL {
            acks = acks.distribution(Some(("level", level.label())), metrics.ack(*level).read());
        }
        vec![
            acks,
            gauge("syncline_rooms", "Rooms in memory.").number(self.rooms() as f64),
            Family::new("syncline_room_loads_total", "Rooms read from the store, by outcome.", Kind::Counter)
                .by("outcome", metrics.loads.iter()),
            gauge("syncline_room_log_entries", "Log entries behind the snapshots of the rooms in memory.")
                .number(sizes.log_entries as f64),
            gauge("syncline_room_log_bytes", "Bytes of these entries.").number(sizes.log_bytes as f64),
            Family::new("syncline_compactions_total", "Logs replaced by snapshots, by outcome.", Kind::Counter)
                .by("outcome", metrics.compactions.iter()),
            counter(
                "syncline_resyncs_total",
                "Times that a client asked for what it missed, or was told to.",
                metrics.resyncs.value(),
            ),
        ]
    }

    fn store_families(&self) -> Vec<Family> {
        let store = &self.metrics().store;
        let queued = self.store().map_or(0, |store| store.queued_bytes());
        vec![
            counter("syncline_store_commits_total", "Transactions committed.", store.commits.value()),
            counter("syncline_store_failures_total", "Transactions that failed.", store.failures.value()),
            counter("syncline_store_entries_total", "Log entries written.", store.entries.value()),
            counter("syncline_store_bytes_total", "Bytes of log entries and snapshots written.", store.bytes.value()),
            Family::new("syncline_store_commit_entries", "Log entries of each transaction.", Kind::Histogram)
                .distribution(None, store.batch.read()),
            Family::new(
                "syncline_store_commit_seconds",
                "Time of each commit, which ends when the disk has it.",
                Kind::Histogram,
            )
            .distribution(None, store.commit.read()),
            gauge("syncline_store_queue_bytes", "Bytes that wait for the store's thread.").number(queued as f64),
            gauge("syncline_store_refusing", "1 while the database refuses writes, else 0.")
                .number(f64::from(u8::from(store.refusing.load(Ordering::Relaxed)))),
        ]
    }
}

fn gauge(name: &'static str, help: &'static str) -> Family {
    Family::new(name, help, Kind::Gauge)
}

fn counter(name: &'static str, help: &'static str, value: u64) -> Family {
    Family::new(name, help, Kind::Counter).number(value as f64)
}
