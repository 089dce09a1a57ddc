//! The class `Turn`: the lock of a document.

use std::{
    ptr,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pyo3::{exceptions::PyRuntimeError, prelude::*};

/// How long a thread waits before it looks for signals, such as that of Ctrl+C.
const SIGNALS: Duration = Duration::from_millis(50);

/// A lock that the thread which holds it may take again, like `threading.RLock`, but also from the native part.
#[pyclass(frozen, module = "syncline._syncline")]
#[derive(Default)]
pub(crate) struct Turn {
    state: Mutex<State>,
    free: Condvar,
}

#[derive(Default)]
struct State {
    /// Means something while the depth is not 0.
    holder: usize,
    /// How often the holder has taken it.
    depth: usize,
    waiting: usize,
}

/// Gives the lock back when it is dropped.
pub(crate) struct Held<'a>(&'a Turn);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.give(1);
    }
}

impl Turn {
    /// Waits for the lock with the interpreter released, then holds both.
    pub(crate) fn hold(&self, py: Python<'_>) -> PyResult<Held<'_>> {
        self.take(py, 1)?;
        Ok(Held(self))
    }

    fn take(&self, py: Python<'_>, times: usize) -> PyResult<()> {
        while !self.try_take(times) {
            py.detach(|| self.wait());
            py.check_signals()?;
        }
        Ok(())
    }

    fn try_take(&self, times: usize) -> bool {
        let (me, mut state) = (thread(), self.state());
        if state.depth > 0 && state.holder != me {
            return false;
        }
        state.holder = me;
        state.depth += times;
        true
    }

    fn wait(&self) {
        let mut state = self.state();
        if state.depth > 0 {
            state.waiting += 1;
            let (mut state, _) = self.free.wait_timeout(state, SIGNALS).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    fn give(&self, times: usize) {
        let mut state = self.state();
        state.depth -= times;
        if state.depth == 0 && state.waiting > 0 {
            self.free.notify_one();
        }
    }

    fn depth(&self) -> usize {
        let state = self.state();
        if state.holder == thread() { state.depth } else { 0 }
    }

    /// Held for a few instructions, and never across a call into Python.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that no other living thread has.
fn thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| ptr::from_ref(mark).addr())
}

#[pymethods]
impl Turn {
    #[new]
    fn new() -> Self {
        Turn::default()
    }

    /// Waits for the lock.
    fn acquire(&self, py: Python<'_>) -> PyResult<()> {
        self.take(py, 1)
    }

    /// Gives the lock back.
    fn release(&self) -> PyResult<()> {
        if self.depth() == 0 {
            return Err(PyRuntimeError::new_err("this thread does not hold the lock"));
        }
        self.give(1);
        Ok(())
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<()> {
        self.take(py, 1)
    }

    fn __exit__(&self, _kind: &Bound<'_, PyAny>, _error: &Bound<'_, PyAny>, _trace: &Bound<'_, PyAny>) -> PyResult<()> {
        self.release()
    }

    // What `threading.Condition` asks of a lock that can be taken again.

    fn _is_owned(&self) -> bool {
        self.depth() > 0
    }

    fn _release_save(&self) -> usize {
        let depth = self.depth();
        self.give(depth);
        depth
    }

    fn _acquire_restore(&self, py: Python<'_>, depth: usize) -> PyResult<()> {
        self.take(py, depth)
    }
}
