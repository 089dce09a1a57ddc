//! How long the disk takes to keep something: what durable acknowledgements are compared with.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::BenchError;
use super::latency::Recorder;

/// Bytes of each write: a page of the database.
const BYTES: usize = 4096;

/// Most rounds, and the time after which no further one begins.
const ROUNDS: u32 = 400;
const TIME: Duration = Duration::from_secs(3);

/// Writes to a file in a folder, waits each time until the disk has it, and notes how long that took.
pub(super) fn measure(folder: &Path, into: &Recorder) -> Result<(), BenchError> {
    let failure =
        |error: std::io::Error| BenchError::Fsync { folder: folder.display().to_string(), reason: error.to_string() };
    let path = folder.join(format!("syncline-bench-{}", std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failure)?;
    let scratch = Scratch { file, path };
    scratch.fill(into).map_err(failure)
}

/// A file that goes with this value.
struct Scratch {
    file: File,
    path: PathBuf,
}

impl Scratch {
    fn fill(&self, into: &Recorder) -> std::io::Result<()> {
        let (page, begin) = ([0x55; BYTES], Instant::now());
        for _ in 0..ROUNDS {
            let before = Instant::now();
            (&self.file).write_all(&page)?;
            self.file.sync_data()?;
            into.note(0, before.elapsed());
            if begin.elapsed() > TIME {
                break;
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is a small file with a telling name.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_timed_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::default();
        measure(folder.path(), &recorder).unwrap();
        assert!(recorder.summary().count > 0 && recorder.summary().p99_ms > 0.0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let error = measure(&folder.path().join("absent"), &recorder).unwrap_err();
        assert!(matches!(error, BenchError::Fsync { .. }));
    }
}
