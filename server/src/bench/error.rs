//! Why a load run ends early, or does not begin.

/// Says why there are no figures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// An argument is out of range, or does not fit the others.
    #[error("{0}")]
    Usage(String),
    /// The system does not let this process open so many sockets.
    #[error("{needed} sockets are needed and this process may open {allowed}. Raise the limit: ulimit -n {needed}")]
    Files {
        /// Files that the run needs.
        needed: u64,
        /// Files that the process may open.
        allowed: u64,
    },
    /// The relay cannot be reached, or does not let anybody in.
    #[error("{failed} of {tried} connections failed, the first: {reason}. Look into the log of the relay.")]
    Connect {
        /// Connections that failed.
        failed: u64,
        /// Connections that were tried.
        tried: u64,
        /// What the first said.
        reason: String,
    },
    /// The room could not be filled beforehand.
    #[error("the room cannot be filled: {0}. Look into the log of the relay.")]
    Fill(String),
    /// The process under test cannot be looked at.
    #[error(
        "process {pid} cannot be measured: {reason}. Give the number of a running process of this user with --pid, on Linux."
    )]
    Process {
        /// Its number.
        pid: u32,
        /// What happened.
        reason: String,
    },
    /// The disk cannot be measured.
    #[error(
        "fsync cannot be measured in {folder}: {reason}. Give a folder that can be written to, on the relay's disk."
    )]
    Fsync {
        /// The folder.
        folder: String,
        /// What happened.
        reason: String,
    },
    /// Something that the system refused.
    #[error("cannot start: {0}. Check the limits of this user.")]
    System(String),
}
