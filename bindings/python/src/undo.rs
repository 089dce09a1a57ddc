//! Undo and redo in the class `Replica`.

use pyo3::prelude::*;
use syncline::doc::UndoOptions;

use crate::{
    error,
    replica::{Replica, millis},
};

#[pymethods]
impl Replica {
    /// Keeps what local transactions do from now on so that it can be undone.
    #[pyo3(signature = (depth, size, merge_ms, origins=None))]
    fn keep_undo(
        &self,
        py: Python<'_>,
        depth: usize,
        size: usize,
        merge_ms: u64,
        origins: Option<Vec<String>>,
    ) -> PyResult<()> {
        self.lock(py)?.doc_mut().keep_undo(Some(UndoOptions { depth, bytes: size, merge_ms, origins }));
        Ok(())
    }

    /// Stops that and forgets what was kept.
    fn forget_undo(&self, py: Python<'_>) -> PyResult<()> {
        self.lock(py)?.doc_mut().keep_undo(None);
        Ok(())
    }

    /// Takes back the last group of local transactions; returns whether there was one.
    #[pyo3(signature = (now=None))]
    fn undo(&self, py: Python<'_>, now: Option<u64>) -> PyResult<bool> {
        let done = self.detached(py, |core| core.doc_mut().undo(millis(now)))?;
        done.map_err(|error| error::edit(py, error))
    }

    /// Does again what was undone last; returns whether there was something.
    #[pyo3(signature = (now=None))]
    fn redo(&self, py: Python<'_>, now: Option<u64>) -> PyResult<bool> {
        let done = self.detached(py, |core| core.doc_mut().redo(millis(now)))?;
        done.map_err(|error| error::edit(py, error))
    }

    /// How many groups can be undone, and redone.
    fn undo_depth(&self, py: Python<'_>) -> PyResult<(usize, usize)> {
        Ok(self.lock(py)?.doc().undo_depth())
    }

    /// Ends the present group: the next transaction begins another.
    fn close_undo_group(&self, py: Python<'_>) -> PyResult<()> {
        self.lock(py)?.doc_mut().close_undo_group();
        Ok(())
    }
}
