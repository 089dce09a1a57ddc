//! What is made of two looks at a relay.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::source::Look;

/// Looks that are remembered for the curves.
const REMEMBERED: usize = 240;

/// Numbers of the time between two looks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numbers {
    pub(super) version: String,
    pub(super) phase: String,
    pub(super) uptime: f64,
    /// Name, value and how it is shown.
    pub(super) values: Vec<(&'static str, Option<f64>, Unit)>,
    /// Reason and total of what was not taken.
    pub(super) rejected: Vec<(String, f64)>,
    pub(super) rooms: Vec<Room>,
}

/// Says how a number is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Plain,
    PerSecond,
    Bytes,
    BytesPerSecond,
    Seconds,
}

/// A room in memory.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Room {
    pub(super) name: String,
    pub(super) connections: u64,
    pub(super) version: u64,
    pub(super) log_entries: u64,
    pub(super) log_bytes: u64,
}

/// The last values of two numbers.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) frames: VecDeque<u64>,
    /// Microseconds until 99 of 100 writes are durable.
    pub(super) durable: VecDeque<u64>,
}

impl History {
    pub(super) fn add(&mut self, numbers: &Numbers) {
        let value = |name| numbers.value(name).unwrap_or(0.0);
        for (curve, value) in
            [(&mut self.frames, value("frames received")), (&mut self.durable, value("durable, 99 of 100") * 1e6)]
        {
            curve.push_back(value as u64);
            while curve.len() > REMEMBERED {
                curve.pop_front();
            }
        }
    }
}

impl Numbers {
    pub(super) fn between(before: &Look, now: &Look) -> Numbers {
        let pair = Pair { before: &before.stats, now: &now.stats };
        let (rate, gauge) = (|name| Some(pair.rate(name)), |name| Some(number(pair.now, name)));
        let values = vec![
            ("connections", gauge("syncline_connections"), Unit::Plain),
            ("rooms in memory", gauge("syncline_rooms"), Unit::Plain),
            ("frames received", rate("syncline_received_frames_total"), Unit::PerSecond),
            ("frames sent", rate("syncline_sent_frames_total"), Unit::PerSecond),
            ("bytes received", rate("syncline_received_bytes_total"), Unit::BytesPerSecond),
            ("bytes sent", rate("syncline_sent_bytes_total"), Unit::BytesPerSecond),
            ("accepted, half", pair.quantile("syncline_ack_seconds", "accepted", 0.5), Unit::Seconds),
            ("accepted, 99 of 100", pair.quantile("syncline_ack_seconds", "accepted", 0.99), Unit::Seconds),
            ("durable, half", pair.quantile("syncline_ack_seconds", "durable", 0.5), Unit::Seconds),
            ("durable, 99 of 100", pair.quantile("syncline_ack_seconds", "durable", 0.99), Unit::Seconds),
            ("commits", rate("syncline_store_commits_total"), Unit::PerSecond),
            ("log entries", rate("syncline_store_entries_total"), Unit::PerSecond),
            ("commit, 99 of 100", pair.quantile("syncline_store_commit_seconds", "", 0.99), Unit::Seconds),
            ("waits for readers", gauge("syncline_outbound_queue_bytes"), Unit::Bytes),
            ("waits for the disk", gauge("syncline_store_queue_bytes"), Unit::Bytes),
            ("slow readers closed", gauge("syncline_slow_readers_closed_total"), Unit::Plain),
        ];
        Numbers {
            version: pair.now["version"].as_str().unwrap_or("?").to_owned(),
            phase: pair.now["phase"].as_str().unwrap_or("?").to_owned(),
            uptime: number(pair.now, "syncline_uptime_seconds"),
            values,
            rejected: rejected(pair.now),
            rooms: rooms(&now.rooms),
        }
    }

    pub(super) fn value(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(known, _, _)| *known == name).and_then(|(_, value, _)| *value)
    }

    pub(super) fn to_json(&self) -> Value {
        let values =
            self.values.iter().map(|(name, value, _)| (name.replace(", ", " ").replace(' ', "_"), json!(value)));
        let rooms = self.rooms.iter().map(|room| {
            json!({"room": room.name, "connections": room.connections, "version": room.version, "log_entries": room.log_entries, "log_bytes": room.log_bytes})
        });
        json!({
            "version": self.version,
            "phase": self.phase,
            "uptime_seconds": self.uptime,
            "numbers": values.collect::<serde_json::Map<_, _>>(),
            "rejected": self.rejected.iter().cloned().map(|(reason, total)| (reason, total.into())).collect::<serde_json::Map<_, _>>(),
            "rooms": rooms.collect::<Vec<_>>(),
        })
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!("syncline {} {}, up for {:.0} s\n", self.version, self.phase, self.uptime);
        for (name, value, unit) in &self.values {
            text.push_str(&format!("{name:<22}{:>14}\n", unit.show(*value)));
        }
        for (reason, total) in &self.rejected {
            text.push_str(&format!("not taken: {reason:<11}{total:>14}\n"));
        }
        for room in &self.rooms {
            let Room { name, connections, version, log_entries, .. } = room;
            text.push_str(&format!(
                "room {name:?}: {connections} connections, version {version}, {log_entries} log entries\n"
            ));
        }
        text
    }
}

impl Unit {
    pub(super) fn show(self, value: Option<f64>) -> String {
        let Some(value) = value else { return "-".into() };
        match self {
            Unit::Plain => format!("{value}"),
            Unit::PerSecond => format!("{value:.0}/s"),
            Unit::Bytes => bytes(value),
            Unit::BytesPerSecond => format!("{}/s", bytes(value)),
            Unit::Seconds if value < 1e-3 => format!("{:.0} us", value * 1e6),
            Unit::Seconds if value < 1.0 => format!("{:.1} ms", value * 1e3),
            Unit::Seconds => format!("{value:.1} s"),
        }
    }
}

/// Two answers, one later than the other.
struct Pair<'a> {
    before: &'a Value,
    now: &'a Value,
}

impl Pair<'_> {
    fn rate(&self, name: &str) -> f64 {
        let time = |stats: &Value| stats["time_ms"].as_f64().unwrap_or(0.0);
        let seconds = (time(self.now) - time(self.before)) / 1000.0;
        // After a restart the numbers begin again.
        let more = (number(self.now, name) - number(self.before, name)).max(0.0);
        if seconds > 0.0 { more / seconds } else { 0.0 }
    }

    /// What a share of the values of the time between does not exceed, by a straight line within its bucket.
    fn quantile(&self, name: &str, level: &str, share: f64) -> Option<f64> {
        let (earlier, later) = (buckets(self.before, name, level), buckets(self.now, name, level));
        let counts: Vec<(Option<f64>, f64)> = later
            .iter()
            .zip(&earlier)
            .map(|((bound, later), (_, earlier))| (*bound, (later - earlier).max(0.0)))
            .collect();
        let wanted = share * counts.iter().map(|(_, count)| count).sum::<f64>();
        let (mut below, mut from) = (0.0, 0.0);
        for (bound, count) in counts {
            if count > 0.0 && below + count >= wanted {
                return Some(bound.map_or(from, |bound| from + (bound - from) * (wanted - below) / count));
            }
            below += count;
            from = bound.unwrap_or(from);
        }
        None
    }
}

fn number(stats: &Value, name: &str) -> f64 {
    stats["metrics"][name][0]["value"].as_f64().unwrap_or(0.0)
}

/// Upper bounds, none for the last, and counts of a histogram; without a level the only one of the family.
fn buckets(stats: &Value, name: &str, level: &str) -> Vec<(Option<f64>, f64)> {
    let samples = stats["metrics"][name].as_array().into_iter().flatten();
    let mut samples = samples.filter(|sample| level.is_empty() || sample["labels"]["level"] == level);
    let found = samples.next().and_then(|sample| sample["buckets"].as_array());
    let pair = |pair: &Value| (pair[0].as_f64(), pair[1].as_f64().unwrap_or(0.0));
    found.into_iter().flatten().map(pair).collect()
}

fn rejected(stats: &Value) -> Vec<(String, f64)> {
    let samples = stats["metrics"]["syncline_frames_rejected_total"].as_array().into_iter().flatten();
    let total = |sample: &Value| {
        let reason = sample["labels"]["reason"].as_str().unwrap_or("?").to_owned();
        (reason, sample["value"].as_f64().unwrap_or(0.0))
    };
    samples.map(total).filter(|(_, total)| *total > 0.0).collect()
}

/// The rooms with most connections first.
fn rooms(list: &Value) -> Vec<Room> {
    let of = |room: &Value| {
        let number = |name: &str| room["loaded"][name].as_u64().unwrap_or(0);
        Room {
            name: room["name"].as_str().unwrap_or("?").to_owned(),
            connections: number("connections"),
            version: number("last_entry"),
            log_entries: number("log_entries"),
            log_bytes: number("log_bytes"),
        }
    };
    let mut rooms: Vec<Room> = list["rooms"].as_array().into_iter().flatten().map(of).collect();
    rooms.sort_by_key(|room| std::cmp::Reverse(room.connections));
    rooms
}

pub(super) fn bytes(mut value: f64) -> String {
    let mut units = ["B", "kB", "MB", "GB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while value >= 1000.0
        && let Some(next) = units.next()
    {
        (value, unit) = (value / 1000.0, next);
    }
    if unit == "B" || value >= 100.0 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A look at which so many writes took two and so many forty milliseconds.
    pub(crate) fn look(time_ms: u64, frames: u64, fast: u64, slow: u64) -> Look {
        let buckets = json!([[0.001, 0], [0.0025, fast], [0.025, 0], [0.05, slow], [null, 0]]);
        let stats = json!({"version": "1", "phase": "ready", "time_ms": time_ms, "metrics": {
            "syncline_received_frames_total": [{"labels": {}, "value": frames}],
            "syncline_ack_seconds": [{"labels": {"level": "accepted"}, "buckets": []}, {"labels": {"level": "durable"}, "buckets": buckets}],
            "syncline_frames_rejected_total": [{"labels": {"reason": "damaged"}, "value": 2.0}, {"labels": {"reason": "rate"}, "value": 0.0}],
        }});
        let room = |name: &str, connections: u64| json!({"name": name, "loaded": {"connections": connections, "last_entry": 5}});
        Look { stats, rooms: json!({"rooms": [room("a", 1), room("b", 9)]}) }
    }

    #[test]
    fn rates_and_shares_are_those_of_the_time_between() {
        let numbers = Numbers::between(&look(1000, 100, 500, 0), &look(3000, 300, 590, 10));
        assert_eq!(numbers.value("frames received"), Some(100.0));
        assert_eq!(numbers.value("accepted, half"), None);
        let half = numbers.value("durable, half").unwrap();
        assert!((0.001..0.0025).contains(&half), "{half}");
        let most = numbers.value("durable, 99 of 100").unwrap();
        assert!((0.045..0.05).contains(&most), "{most}");
        assert_eq!(numbers.rejected, [("damaged".to_owned(), 2.0)]);
        assert_eq!(numbers.rooms[0].name, "b");
    }

    #[test]
    fn a_restart_shows_no_negative_numbers() {
        let numbers = Numbers::between(&look(1000, 100, 500, 0), &look(2000, 3, 2, 0));
        assert_eq!((numbers.value("frames received"), numbers.value("durable, half")), (Some(0.0), None));
    }
}
