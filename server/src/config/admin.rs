//! Settings of what operators use.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError, Secret};

/// Says who may read metrics and administer the relay; without a token nobody may, but on this machine while `access` is open.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// What an operator shows as `Authorization: Bearer …`, at least 32 bytes; better in the environment or in `token_file` than here.
    pub token: Option<Secret>,
    /// File with that token; white space around it is ignored. Read once, at start.
    pub token_file: Option<PathBuf>,
}

/// Checks that the settings work together.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    if config.admin.token.is_some() && config.admin.token_file.is_some() {
        return Err(ConfigError::Value {
            key: "admin.token_file",
            problem: "names a second token beside `admin.token`".into(),
            advice: "Set one of them.".into(),
        });
    }
    Ok(())
}
