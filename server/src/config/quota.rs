//! How much may be stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::check::range;

/// Limits what is stored; 0 is no limit. A write beyond a limit is refused, deletes are taken, and everything can be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaConfig {
    /// Most bytes of the log and the snapshot of one room.
    pub room_bytes: u64,
    /// Most bytes of all rooms of a tenant together.
    pub tenant_bytes: u64,
    /// Most rooms of a tenant. A room is that of the tenant whose token opened it first.
    pub tenant_rooms: u64,
}

pub(super) fn check(quota: &QuotaConfig) -> Result<(), ConfigError> {
    range("quota.room_bytes", quota.room_bytes, 0, 1 << 46)?;
    range("quota.tenant_bytes", quota.tenant_bytes, 0, 1 << 46)?;
    range("quota.tenant_rooms", quota.tenant_rooms, 0, 1 << 40)
}
