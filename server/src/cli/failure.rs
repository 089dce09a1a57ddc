//! Failures of the command line: one sentence, what to do, and an exit code.

use crate::bench::BenchError;
use crate::client::ClientError;
use crate::config::ConfigError;
use crate::serve::ServeError;

pub(super) const FAILED: u8 = 1;
pub(super) const USAGE: u8 = 2;
pub(super) const UNREACHABLE: u8 = 3;
pub(super) const TIMEOUT: u8 = 4;

/// Says why a command did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The arguments do not make sense together.
    #[error("{0}")]
    Usage(String),
    /// The work could not be done.
    #[error("{0}")]
    Failed(String),
    /// The relay cannot be reached.
    #[error(
        "cannot reach the relay at {url}: {reason}. Start it with `syncline serve`, or give its address with --url."
    )]
    Unreachable {
        /// Address that was tried.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The relay did not answer in time.
    #[error("no answer within {seconds} s while {doing}{said}. Try again, or wait longer with --timeout.")]
    Timeout {
        /// What was waited for.
        doing: &'static str,
        /// Seconds that were waited.
        seconds: u64,
        /// What the relay complained about meanwhile, in parentheses, if it did.
        said: String,
    },
    /// The relay does not start because of its settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The relay does not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The connection to the relay failed for good.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A load run has no figures.
    #[error(transparent)]
    Bench(#[from] BenchError),
}

impl Failure {
    /// Exit code of the process, as documented in the help.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_)
            | Failure::Bench(BenchError::Usage(_) | BenchError::Files { .. })
            | Failure::Client(ClientError::Address { .. } | ClientError::Authorities { .. })
            | Failure::Config(_)
            | Failure::Serve(ServeError::Config(_) | ServeError::Access(_) | ServeError::Tls(_)) => USAGE,
            Failure::Failed(_) | Failure::Serve(_) => FAILED,
            Failure::Unreachable { .. } | Failure::Client(ClientError::Unreachable { .. }) => UNREACHABLE,
            Failure::Bench(BenchError::Connect { .. }) => UNREACHABLE,
            Failure::Client(_) | Failure::Bench(_) => FAILED,
            Failure::Timeout { .. } => TIMEOUT,
        }
    }
}
