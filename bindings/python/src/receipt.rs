//! The class `Write`: the receipt of a change.

use std::sync::OnceLock;

use pyo3::prelude::*;

use crate::error;

/// The receipt of a change: hand it to ``Connection.acked`` to wait until the relay holds it.
#[pyclass(frozen, module = "syncline")]
pub(crate) struct Write {
    end: OnceLock<End>,
}

/// How the transaction of a change ended.
struct End {
    /// The number of its last event, 0 if nothing changed; `None` if it was rolled back.
    seq: Option<u64>,
    /// How often the replica had taken another id.
    renewals: usize,
}

impl Write {
    /// Makes the receipt of a transaction that is open.
    pub(crate) fn open(py: Python<'_>) -> PyResult<Py<Self>> {
        Py::new(py, Write::new())
    }

    /// Makes the receipt of a transaction that was committed.
    pub(crate) fn committed(py: Python<'_>, seq: u64, renewals: usize) -> PyResult<Py<Self>> {
        Py::new(py, Write { end: End { seq: Some(seq), renewals }.into() })
    }

    /// Says how the transaction ended; it does so once.
    pub(crate) fn settle(&self, seq: Option<u64>, renewals: usize) {
        self.end.get_or_init(|| End { seq, renewals });
    }

    pub(crate) fn renewals(&self) -> usize {
        self.end.get().map_or(0, |end| end.renewals)
    }
}

#[pymethods]
impl Write {
    #[new]
    fn new() -> Self {
        Write { end: OnceLock::new() }
    }

    /// The own sequence number of the change; 0 if nothing changed.
    ///
    /// All changes of a transaction share one receipt, and have their number when it ends: before that, and after it
    /// was rolled back, this raises :class:`TransactionError`.
    #[getter]
    fn seq(&self, py: Python<'_>) -> PyResult<u64> {
        let state = match self.end.get() {
            Some(End { seq: Some(seq), .. }) => return Ok(*seq),
            Some(_) => "was rolled back",
            None => "is still open: read the number after its with block",
        };
        Err(error::receipt(py, state))
    }

    fn __repr__(&self) -> String {
        match self.end.get() {
            Some(End { seq: Some(seq), .. }) => format!("<Write seq={seq}>"),
            Some(_) => "<Write rolled back>".to_owned(),
            None => "<Write open>".to_owned(),
        }
    }
}
