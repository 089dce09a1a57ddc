//! What a setting must fulfil beyond its type.

use super::{Config, ConfigError};

/// Smallest queue per connection in bytes: one frame of the largest size must fit, with room for a second.
const QUEUE_MIN: usize = 2 * syncline::bounds::FRAME_BYTES;

/// Highest rate of frames per second.
const FRAMES_MAX: u64 = 100_000_000;

/// Lowest and highest rate of bytes per second; at the lowest a frame of the largest size takes four seconds.
const BYTES_MIN: u64 = 64 * 1024;
const BYTES_MAX: u64 = 400_000_000;

impl Config {
    /// Checks that the settings work together.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with the key, what is wrong with it and what to set instead.
    pub fn check(&self) -> Result<(), ConfigError> {
        super::access::check(self)?;
        super::admin::check(self)?;
        super::history::check(&self.history)?;
        super::quota::check(&self.quota)?;
        super::trace::check(&self.trace)?;
        range("workers", self.workers as u64, 1, 256)?;
        range("drain_seconds", self.drain_seconds, 1, 600)?;
        range("room.max", self.room.max as u64, 1, 10_000_000)?;
        range("room.compact_entries", self.room.compact_entries, 1, 10_000_000)?;
        range("room.compact_bytes", self.room.compact_bytes, 1024, 1 << 40)?;
        range("room.idle_seconds", self.room.idle_seconds, 1, 30 * 24 * 3600)?;
        range("room.deleted_seconds", self.room.deleted_seconds, 1, 100 * 365 * 24 * 3600)?;
        range("socket.max", self.socket.max as u64, 1, 10_000_000)?;
        range("socket.rooms", self.socket.rooms as u64, 1, 100_000)?;
        range("socket.queue_bytes", self.socket.queue_bytes as u64, QUEUE_MIN as u64, 1 << 32)?;
        range("socket.ping_seconds", self.socket.ping_seconds, 1, 3600)?;
        range("rate.connection_frames", self.rate.connection_frames, 1, FRAMES_MAX)?;
        range("rate.connection_bytes", self.rate.connection_bytes, BYTES_MIN, BYTES_MAX)?;
        range("rate.tenant_frames", self.rate.tenant_frames, 1, FRAMES_MAX)?;
        range("rate.tenant_bytes", self.rate.tenant_bytes, BYTES_MIN, BYTES_MAX)?;
        range("rate.tenant_connections", self.rate.tenant_connections as u64, 1, 10_000_000)?;
        if self.store.max_bytes != 0 {
            range("store.max_bytes", self.store.max_bytes, 64 * 1024, 1 << 46)?;
        }
        crate::logging::targets(&self.log.level).map(|_| ()).map_err(|reason| ConfigError::Value {
            key: "log.level",
            problem: format!("is `{}`, but {reason}", self.log.level),
            advice: "Use error, warn, info, debug or trace, or levels by module such as `warn,syncline_server=debug`."
                .into(),
        })
    }
}

pub(super) fn range(key: &'static str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::Value {
        key,
        problem: format!("is {value}"),
        advice: format!("Set it to a number from {least} to {most}."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        Config::default().check().unwrap();
    }

    #[test]
    fn a_public_address_is_refused_with_and_without_dev() {
        for dev in [false, true] {
            let config = Config { listen: ([0, 0, 0, 0], 7171).into(), dev, ..Config::default() };
            let error = config.check().unwrap_err().to_string();
            let parts = ["0.0.0.0:7171", "127.0.0.1:7171", "access.secret_file"];
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn a_value_outside_its_range_is_named_with_the_range() {
        let config = Config { workers: 0, ..Config::default() };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "the setting `workers` is 0. Set it to a number from 1 to 256."
        );
    }

    #[test]
    fn a_bad_log_level_is_named() {
        let mut config = Config::default();
        config.log.level = "loud".into();
        assert!(config.check().unwrap_err().to_string().contains("loud"));
    }
}
