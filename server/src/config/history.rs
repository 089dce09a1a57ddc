//! How much of the past of rooms is kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::check::range;

/// Says how much of the past of each room is kept. What is beyond one of the bounds goes, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryConfig {
    /// Most versions of a room, 0 to keep none. What the log still holds can be had besides.
    pub versions: u64,
    /// Seconds between two versions: a room that is written to makes one so often, and none in between is kept.
    pub every_seconds: u64,
    /// Seconds after which a version goes.
    pub age_seconds: u64,
    /// Most bytes of the versions of a room.
    pub bytes: u64,
}

impl HistoryConfig {
    pub(crate) fn every_ms(&self) -> u64 {
        self.every_seconds.saturating_mul(1000)
    }

    pub(crate) fn age_ms(&self) -> u64 {
        self.age_seconds.saturating_mul(1000)
    }
}

impl Default for HistoryConfig {
    fn default() -> Self {
        HistoryConfig { versions: 32, every_seconds: 900, age_seconds: 7 * 24 * 3600, bytes: 16 * 1024 * 1024 }
    }
}

pub(super) fn check(history: &HistoryConfig) -> Result<(), ConfigError> {
    range("history.versions", history.versions, 0, 10_000)?;
    range("history.every_seconds", history.every_seconds, 1, 365 * 24 * 3600)?;
    range("history.age_seconds", history.age_seconds, 1, 100 * 365 * 24 * 3600)?;
    range("history.bytes", history.bytes, 0, 1 << 40)
}
