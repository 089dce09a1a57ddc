//! Files that are read again when they change.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Time between two looks at a file: what it says counts within a second.
pub(crate) const LOOK: Duration = Duration::from_millis(500);

/// Is a file whose last state is remembered.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) path: PathBuf,
    seen: Option<(SystemTime, u64)>,
}

impl Watched {
    /// Begins with a file that was not looked at.
    pub(crate) fn unseen(path: PathBuf) -> Watched {
        Watched { path, seen: None }
    }

    /// Whether the file is there and differs from what it was at the last call.
    pub(crate) fn changed(&mut self) -> bool {
        let now = self.state();
        let changed = now.is_some() && now != self.seen;
        if changed {
            self.seen = now;
        }
        changed
    }

    fn state(&self) -> Option<(SystemTime, u64)> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }
}
