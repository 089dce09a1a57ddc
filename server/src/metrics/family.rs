//! Numbers with a name, at one moment.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::Distribution;

/// Says how a number behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It grows, and begins again at 0 with the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts how often something was how large.
    Histogram,
}

/// Is one number, or one distribution.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Of a counter or gauge.
    Number(f64),
    /// Of a histogram.
    Distribution(Distribution),
}

/// Is a reading with the labels that tell it from others of its family.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Names and values of labels.
    pub labels: Vec<(&'static str, Cow<'static, str>)>,
    /// What was read.
    pub reading: Reading,
}

/// Is everything that goes by one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The name, as it is shown; that of a counter ends in `_total`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// One for each set of labels.
    pub samples: Vec<Sample>,
}

impl Family {
    pub(super) fn new(name: &'static str, help: &'static str, kind: Kind) -> Family {
        Family { name, help, kind, samples: Vec::new() }
    }

    /// Adds a number without labels.
    pub(super) fn number(mut self, value: f64) -> Family {
        self.samples.push(Sample { labels: Vec::new(), reading: Reading::Number(value) });
        self
    }

    /// Adds a number for each value of a label.
    pub(super) fn by(mut self, label: &'static str, values: impl Iterator<Item = (&'static str, u64)>) -> Family {
        self.samples.extend(values.map(|(value, number)| Sample {
            labels: vec![(label, value.into())],
            reading: Reading::Number(number as f64),
        }));
        self
    }

    /// Adds a distribution.
    pub(super) fn distribution(mut self, label: Option<(&'static str, &'static str)>, read: Distribution) -> Family {
        let labels = label.into_iter().map(|(name, value)| (name, value.into())).collect();
        self.samples.push(Sample { labels, reading: Reading::Distribution(read) });
        self
    }

    /// The samples as JSON: buckets are pairs of an upper bound (`null` for the last) and the number of the bucket alone.
    pub fn to_json(&self) -> Value {
        self.samples.iter().map(Sample::to_json).collect()
    }
}

impl Sample {
    fn to_json(&self) -> Value {
        let labels: Map<String, Value> =
            self.labels.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_ref()))).collect();
        match &self.reading {
            Reading::Number(value) => json!({"labels": labels, "value": value}),
            Reading::Distribution(read) => {
                json!({"labels": labels, "count": read.count(), "sum": read.sum, "buckets": read.buckets})
            }
        }
    }
}
