//! Metrics as text for Prometheus.

use std::borrow::Cow;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::{Family, Kind, Reading};

/// Content type of OpenMetrics.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Content type of the older form.
pub const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Names a form of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus 0.0.4, for whoever does not ask for the newer one.
    Prometheus,
}

/// Families on their way through the encoder.
#[derive(Debug)]
struct Families(Vec<Family>);

impl TextFormat {
    /// The form that a request asks for with its `Accept` header.
    pub fn accepted(accept: &str) -> TextFormat {
        match accept.contains("application/openmetrics-text") {
            true => TextFormat::OpenMetrics,
            false => TextFormat::Prometheus,
        }
    }

    /// The content type that says it.
    pub fn content_type(self) -> &'static str {
        match self {
            TextFormat::OpenMetrics => OPEN_METRICS,
            TextFormat::Prometheus => PROMETHEUS,
        }
    }

    /// Writes the families.
    ///
    /// # Errors
    /// None with the families of a relay; the encoder has the type.
    pub fn encode(self, families: Vec<Family>) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Families(families)));
        let mut out = String::new();
        match self {
            TextFormat::OpenMetrics => text::encode(&mut out, &registry)?,
            TextFormat::Prometheus => prometheus_text::encode(&mut out, &registry)?,
        }
        Ok(out)
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in &self.0 {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            // The encoder appends the ending itself.
            let name = family.name.trim_end_matches("_total");
            let mut metric = encoder.encode_descriptor(name, family.help, None, kind)?;
            for sample in &family.samples {
                match sample.labels.is_empty() {
                    true => encode(&mut metric, family.kind, &sample.reading)?,
                    false => {
                        let labels: &Vec<(&str, Cow<'_, str>)> = &sample.labels;
                        encode(&mut metric.encode_family(labels)?, family.kind, &sample.reading)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn encode(metric: &mut MetricEncoder<'_>, kind: Kind, reading: &Reading) -> Result<(), fmt::Error> {
    match (reading, kind) {
        (Reading::Number(value), Kind::Counter) => metric.encode_counter::<NoLabelSet, _, f64>(value, None),
        (Reading::Number(value), _) => metric.encode_gauge(value),
        (Reading::Distribution(read), _) => {
            metric.encode_histogram::<NoLabelSet>(read.sum, read.count(), &read.buckets, None)
        }
    }
}
