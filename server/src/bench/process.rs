//! What the process under test costs: read from `/proc`.

use serde::Serialize;

use super::BenchError;

/// Ticks of the clock that Linux counts CPU time with towards programs, each second.
const TICKS: u64 = 100;

/// The process under test.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process {
    pid: u32,
}

/// What it has used and uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Look {
    /// CPU time so far, in milliseconds, to ten.
    pub(super) cpu_ms: u64,
    /// Memory in bytes.
    pub(super) memory: u64,
    /// Most memory so far in bytes.
    pub(super) peak: u64,
}

impl Process {
    pub(super) fn new(pid: u32) -> Result<Process, BenchError> {
        let process = Process { pid };
        process.look().map(|_| process)
    }

    pub(super) fn look(&self) -> Result<Look, BenchError> {
        let stat = self.read("stat")?;
        let rollup = self.read("smaps_rollup")?;
        let status = self.read("status")?;
        let look = || {
            Some(Look {
                cpu_ms: cpu_ms(&stat)?,
                memory: kilobytes(&rollup, "Rss:")? * 1024,
                peak: kilobytes(&status, "VmHWM:")? * 1024,
            })
        };
        look().ok_or_else(|| self.failure("its files in /proc are not as expected"))
    }

    fn read(&self, name: &str) -> Result<String, BenchError> {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.pid)).map_err(|error| self.failure(&error.to_string()))
    }

    fn failure(&self, reason: &str) -> BenchError {
        BenchError::Process { pid: self.pid, reason: reason.into() }
    }
}

/// Fields 14 and 15, counted behind the name of the program, which may have spaces and parentheses.
fn cpu_ms(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * 1000 / TICKS)
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Files that this process may open, as far as the system says.
pub(super) fn files_allowed() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_time_and_memory_of_a_process_are_read() {
        let process = Process::new(std::process::id()).unwrap();
        let before = process.look().unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_millis(100);
        while std::time::Instant::now() < until {
            std::hint::black_box(0);
        }
        let after = process.look().unwrap();
        assert!(after.cpu_ms > before.cpu_ms && after.peak >= after.memory && after.memory > 1_000_000);
        assert!(files_allowed().is_some_and(|files| files > 0));
    }

    #[test]
    fn a_name_with_parentheses_does_not_move_the_fields() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 0 9 0 0 0 12 3 0 0 20";
        assert_eq!(cpu_ms(stat), Some(150));
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let error = Process::new(u32::MAX).unwrap_err().to_string();
        assert!(error.contains("4294967295") && error.contains("--pid"), "{error}");
    }
}
