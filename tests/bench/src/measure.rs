//! Measuring: the CPU time of this process, not the time on the wall, because the machine may be busy.

use cpu_time::ProcessTime;
use std::time::Duration;

/// What one run of a workload cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) cpu: Duration,
    /// Bytes that were encoded; a mean, where the workload makes many.
    pub(crate) bytes: Option<f64>,
    /// Elements missing that add-wins keeps.
    pub(crate) lost: Option<usize>,
}

impl Sample {
    pub(crate) fn bytes(self, bytes: usize) -> Self {
        Sample { bytes: Some(bytes as f64), ..self }
    }
}

/// Runs `work` and measures it. What it returns is dropped by the caller, outside of the measurement.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Sample) {
    let start = ProcessTime::now();
    let result = work();
    (result, Sample { cpu: start.elapsed(), ..Sample::default() })
}

/// The sample whose time is in the middle.
pub(crate) fn median(samples: &[Sample]) -> Option<Sample> {
    let mut sorted = samples.to_vec();
    sorted.sort_by_key(|sample| sample.cpu);
    sorted.get(sorted.len() / 2).copied()
}
