//! What is said on stderr while a run goes on.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

/// Time between two looks at the count.
const EVERY: Duration = Duration::from_millis(200);

/// A step of a run, shown until this is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) done: Arc<AtomicU64>,
    bar: ProgressBar,
    task: JoinHandle<()>,
}

impl Progress {
    /// Begins a step that has come to its end when the count has come to `total`.
    pub(super) fn start(step: &str, total: u64) -> Progress {
        let done = Arc::new(AtomicU64::new(0));
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target).with_message(step.to_owned());
        // The template is a constant that the crate takes; without it the bar looks plain.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        if !terminal {
            eprintln!("{step}");
        }
        let (shown, count) = (bar.clone(), done.clone());
        let task = tokio::spawn(async move {
            loop {
                shown.set_position(count.load(Ordering::Relaxed));
                tokio::time::sleep(EVERY).await;
            }
        });
        Progress { done, bar, task }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}
