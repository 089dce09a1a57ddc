//! Structured logs on stderr: JSON lines for machines, or one readable line per event.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::config::{LogConfig, LogFormat};

/// Parses a level, or a list of levels by module.
///
/// # Errors
/// What is wrong with the first item that is neither.
pub fn targets(levels: &str) -> Result<Targets, LevelError> {
    // A bare word would be taken for a module with all its levels, so that a misspelt level goes unnoticed.
    for word in levels.split(',').map(str::trim).filter(|item| !item.contains('=')) {
        word.parse::<LevelFilter>().map_err(|_| LevelError(format!("`{word}` is no level")))?;
    }
    levels.parse::<Targets>().map_err(|error| LevelError(error.to_string()))
}

/// Says what is wrong with the configured levels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LevelError(String);

/// Installs the log writer of this process; a second call does nothing.
///
/// # Errors
/// A level that does not parse.
pub fn install(config: &LogConfig) -> Result<(), LevelError> {
    let filter = targets(&config.level)?;
    let terminal = std::io::stderr().is_terminal();
    let format = config.format.unwrap_or(if terminal { LogFormat::Pretty } else { LogFormat::Json });
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // An error means that a writer is installed already, which tests with several relays do.
    let _ = match format {
        LogFormat::Json => {
            registry.with(layer.json().flatten_event(true).with_current_span(true).with_span_list(false)).try_init()
        }
        LogFormat::Pretty => registry.with(layer.with_ansi(terminal).with_target(false).compact()).try_init(),
    };
    Ok(())
}
