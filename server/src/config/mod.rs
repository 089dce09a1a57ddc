//! Settings of the relay: defaults, then a TOML or YAML file, then the environment, then flags.
//!
//! Later sources win. An unknown key is an error in each of them, so that a typing mistake is never a silent default.
//! Environment variables are the keys in capitals behind `SYNCLINE_`, with two underscores for a dot:
//! `SYNCLINE_LISTEN`, `SYNCLINE_ROOM__COMPACT_ENTRIES`.

mod access;
mod admin;
mod check;
mod describe;
mod history;
mod load;
mod quota;
mod trace;
mod yaml;

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use access::is_url;
pub use access::{AccessConfig, Secret, TlsConfig};
pub use admin::AdminConfig;
pub use describe::default_file;
pub use history::HistoryConfig;
pub use load::{ConfigError, Overrides, load};
pub use quota::QuotaConfig;
pub use trace::TraceConfig;

#[cfg(test)]
use load::load_text;

/// Holds all settings of one relay process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of the database; made if missing.
    pub data: PathBuf,
    /// Serves without authentication for development; accepted on a loopback address only.
    pub dev: bool,
    /// Threads of the runtime that serve sockets and rooms.
    pub workers: usize,
    /// Seconds that a drain waits for connections and rooms before the process ends anyway.
    pub drain_seconds: u64,
    /// Who may connect.
    pub access: AccessConfig,
    /// Operators.
    pub admin: AdminConfig,
    /// TLS.
    pub tls: TlsConfig,
    /// What is logged and how.
    pub log: LogConfig,
    /// Traces.
    pub trace: TraceConfig,
    /// The database.
    pub store: StoreConfig,
    /// Rooms.
    pub room: RoomSettings,
    /// The past of rooms.
    pub history: HistoryConfig,
    /// How much may be stored.
    pub quota: QuotaConfig,
    /// Connections.
    pub socket: SocketConfig,
    /// How fast clients may send.
    pub rate: RateConfig,
}

/// Says what is logged and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Form of the lines on stderr; without it `pretty` on a terminal and `json` elsewhere.
    pub format: Option<LogFormat>,
    /// Level, or levels by module: `info`, `warn,syncline_server=debug`.
    pub level: String,
}

/// Names the form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// One line for people.
    Pretty,
}

/// Holds the settings of the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Largest size of the database file in bytes, 0 for no limit; beyond it writes are refused with a typed error.
    pub max_bytes: u64,
    /// Whether the whole database is checked for damage at start.
    pub check_at_start: bool,
}

/// Holds the settings of rooms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoomSettings {
    /// Most rooms in memory at a time; a join beyond it gets a temporary error.
    pub max: usize,
    /// Log entries after which a room writes a snapshot and drops them.
    pub compact_entries: u64,
    /// Log bytes after which a room writes a snapshot and drops them.
    pub compact_bytes: u64,
    /// Seconds without a connection after which a room is unloaded.
    pub idle_seconds: u64,
    /// Seconds for which a deleted room can be brought back; then what it held is gone.
    pub deleted_seconds: u64,
}

/// Holds the settings of connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SocketConfig {
    /// Most connections at a time; one beyond it is answered with HTTP 503.
    pub max: usize,
    /// Most rooms that one connection may open.
    pub rooms: usize,
    /// Bytes that may wait for one slow reader; beyond it presence is dropped, then the connection is closed with 4508.
    pub queue_bytes: usize,
    /// Origins of web pages that may connect beside those on this machine, such as `https://board.example`.
    pub origins: Vec<String>,
    /// Seconds without a frame after which the relay sends a ping; after two more such spans it closes.
    pub ping_seconds: u64,
}

/// Limits how fast clients may send. Whoever is faster is read later, and loses nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RateConfig {
    /// Frames per second of one connection; two seconds' worth may come at once.
    pub connection_frames: u64,
    /// Bytes per second of one connection.
    pub connection_bytes: u64,
    /// Frames per second of all connections whose tokens name the same tenant.
    pub tenant_frames: u64,
    /// Bytes per second of all connections whose tokens name the same tenant.
    pub tenant_bytes: u64,
    /// Most connections whose tokens name the same tenant; one beyond it is closed with 1013 and tries again later.
    pub tenant_connections: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 7171)),
            data: PathBuf::from("syncline-data"),
            dev: false,
            workers: 2,
            drain_seconds: 10,
            access: AccessConfig::default(),
            admin: AdminConfig::default(),
            tls: TlsConfig::default(),
            log: LogConfig::default(),
            trace: TraceConfig::default(),
            store: StoreConfig::default(),
            room: RoomSettings::default(),
            history: HistoryConfig::default(),
            quota: QuotaConfig::default(),
            socket: SocketConfig::default(),
            rate: RateConfig::default(),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { format: None, level: "info".into() }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        StoreConfig { max_bytes: 0, check_at_start: true }
    }
}

impl Default for RoomSettings {
    fn default() -> Self {
        RoomSettings {
            max: 10_000,
            compact_entries: 2_000,
            compact_bytes: 4 * 1024 * 1024,
            idle_seconds: 60,
            deleted_seconds: 7 * 24 * 3600,
        }
    }
}

impl Default for RateConfig {
    fn default() -> Self {
        RateConfig {
            connection_frames: 5_000,
            connection_bytes: 32 * 1024 * 1024,
            tenant_frames: 50_000,
            tenant_bytes: 128 * 1024 * 1024,
            tenant_connections: 10_000,
        }
    }
}

impl Default for SocketConfig {
    fn default() -> Self {
        SocketConfig { max: 20_000, rooms: 64, queue_bytes: 8 * 1024 * 1024, origins: Vec::new(), ping_seconds: 20 }
    }
}
