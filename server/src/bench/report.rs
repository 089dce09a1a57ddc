//! What came out of a run: for programs as JSON, for people as a table.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::latency::Latency;
use super::plan::Plan;
use super::tally::Traffic;

/// The figures of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Version of the tool.
    pub(super) version: &'static str,
    pub(super) plan: Plan,
    /// What the names of the rooms begin with.
    pub(super) rooms: String,
    pub(super) connections: u64,
    pub(super) traffic: Option<Traffic>,
    /// Distributions of times; the first is what the run is about.
    pub(super) series: Vec<Series>,
    /// By key.
    pub(super) facts: BTreeMap<&'static str, Fact>,
    /// What went wrong at single connections, and how often.
    pub(super) failures: BTreeMap<String, u64>,
    /// What a reader should know about the figures.
    pub(super) notes: Vec<String>,
}

/// A named distribution.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Series {
    pub(super) name: &'static str,
    #[serde(flatten)]
    pub(super) latency: Latency,
}

/// A single figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Fact {
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) what: &'static str,
}

impl Report {
    pub(super) fn new(plan: &Plan, rooms: &str, connections: u64) -> Report {
        Report {
            version: env!("CARGO_PKG_VERSION"),
            plan: plan.clone(),
            rooms: rooms.into(),
            connections,
            traffic: None,
            series: Vec::new(),
            facts: BTreeMap::new(),
            failures: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a distribution, unless it is empty.
    pub(super) fn series(&mut self, name: &'static str, latency: Latency) {
        if latency.count > 0 {
            self.series.push(Series { name, latency });
        }
    }

    pub(super) fn fact(&mut self, key: &'static str, value: f64, unit: &'static str, what: &'static str) {
        self.facts.insert(key, Fact { value, unit, what });
    }

    /// All of it as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        // Only maps with other keys than texts cannot be written, and there are none.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// All of it as a table.
    pub fn to_text(&self) -> String {
        let mut out = self.figures();
        if !self.series.is_empty() {
            let _ = write!(out, "\n{}", self.times());
        }
        for note in &self.notes {
            let _ = writeln!(out, "\n{note}");
        }
        out
    }

    /// What is not a distribution, a line for each.
    pub(super) fn figures(&self) -> String {
        let mut out = String::new();
        let mut line = |name: &str, value: String| {
            let _ = writeln!(out, "{name:<42} {value}");
        };
        let plan = &self.plan;
        line("scenario", format!("{} at {}", plan.scenario.name(), plan.url));
        line("clients / rooms", format!("{} / {}", plan.clients, plan.rooms));
        if let Some(traffic) = &self.traffic {
            line("messages sent", format!("{} ({} B, {}/s for each writer)", traffic.sent, plan.size, plan.rate));
            line("delivered / expected", format!("{} / {}", traffic.delivered, traffic.expected));
            line("missing / repeated", format!("{} / {}", traffic.missing, traffic.repeated));
            line("acknowledged", traffic.acked.to_string());
            line("frames / bytes received", format!("{} / {}", traffic.frames, traffic.bytes));
        }
        for fact in self.facts.values() {
            line(fact.what, format!("{} {}", rounded(fact.value), fact.unit).trim_end().to_owned());
        }
        for (reason, count) in &self.failures {
            line(&format!("failed: {reason}"), count.to_string());
        }
        out
    }

    fn times(&self) -> String {
        let mut out = format!("{:<42}", "times in ms");
        for head in ["count", "p50", "p90", "p99", "p99.9", "max"] {
            let _ = write!(out, " {head:>10}");
        }
        out.push('\n');
        for Series { name, latency } in &self.series {
            let _ = write!(out, "{name:<42} {:>10}", latency.count);
            for time in [latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.p999_ms, latency.max_ms] {
                let _ = write!(out, " {:>10}", rounded(time));
            }
            out.push('\n');
        }
        out
    }
}

/// Three digits where they matter.
pub(super) fn rounded(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_as_many_digits_as_they_deserve() {
        let texts: Vec<String> = [0.0, 3.0, 0.1234, 1.234, 12.34, 1234.5, -0.5].into_iter().map(rounded).collect();
        assert_eq!(texts, ["0", "3", "0.123", "1.23", "12.3", "1234", "-0.500"]);
    }
}
