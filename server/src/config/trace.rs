//! Where traces go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::access::is_url;
use super::check::range;

/// The variable by which OpenTelemetry names a collector.
pub(super) const STANDARD_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Says where spans of what the relay does are sent, and which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TraceConfig {
    /// Address of an OTLP collector that takes HTTP with protobuf, such as `http://127.0.0.1:4318`; `/v1/traces` is added.
    /// Without it the variable OTEL_EXPORTER_OTLP_ENDPOINT counts; without both, or if it is empty, nothing is traced.
    pub endpoint: Option<String>,
    /// Share of the traces that are kept, from 0 to 1, by their ids. What a caller does not keep is not kept here either.
    pub ratio: f64,
    /// Name of the service in the traces.
    pub service: String,
    /// Finished spans that may wait for the collector; what comes beyond is dropped and counted.
    pub queue: usize,
}

impl Default for TraceConfig {
    fn default() -> Self {
        TraceConfig { endpoint: None, ratio: 1.0, service: "syncline".into(), queue: 8192 }
    }
}

pub(super) fn check(trace: &TraceConfig) -> Result<(), ConfigError> {
    let wrong = |key, problem: String, advice: &str| Err(ConfigError::Value { key, problem, advice: advice.into() });
    let endpoint = trace.endpoint.as_deref().unwrap_or_default();
    if !endpoint.is_empty() && !is_url(endpoint) {
        return wrong(
            "trace.endpoint",
            format!("is `{endpoint}`"),
            "Set it to the address of a collector, such as http://127.0.0.1:4318, or leave it out.",
        );
    }
    if !(0.0..=1.0).contains(&trace.ratio) {
        return wrong("trace.ratio", format!("is {}", trace.ratio), "Set it to a number from 0 to 1.");
    }
    if trace.service.is_empty() || trace.service.len() > 256 {
        return wrong("trace.service", "is empty or too long".into(), "Set it to a name of up to 256 bytes.");
    }
    range("trace.queue", trace.queue as u64, 1, 1_000_000)
}
