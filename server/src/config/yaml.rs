//! YAML as a source of settings.

use figment::providers::Format;
use serde::de::DeserializeOwned;

/// Reads YAML. figment's own reader stands on a crate that nobody keeps any more.
pub(super) struct Yaml;

impl Format for Yaml {
    type Error = serde_saphyr::Error;

    const NAME: &'static str = "YAML";

    fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Self::Error> {
        serde_saphyr::from_str(text)
    }
}
