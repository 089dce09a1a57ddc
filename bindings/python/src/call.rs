//! The function `decide`: decisions of the core and its types without a document, by name. The class `Machine`: its state
//! machines.

use std::sync::Mutex;

use pyo3::{prelude::*, sync::MutexExt};
use syncline::{
    crdt::Value,
    place::CallError,
    quorum,
    standalone::{self, Machine as Core},
};

use crate::{error, value};

/// Makes the call of this name. Arguments and answer are values of documents.
#[pyfunction]
pub(crate) fn decide(py: Python<'_>, call: &str, args: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let args = value::from_python(args)?;
    let answer = py.detach(|| answer(call, &args));
    value::to_python(py, answer.map_err(|(code, text)| error::decision(py, code, text))?)
}

/// The answer of whoever knows the call, or the code and text of the refusal.
fn answer(call: &str, args: &Value) -> Result<Value, (&'static str, String)> {
    match quorum::decide(call, args) {
        Err(CallError::UnknownCall(_)) => {
            standalone::decide(call, args).map_err(|error| (error.code(), error.to_string()))
        }
        answer => answer.map_err(|error| (error.code(), error.to_string())),
    }
}

/// A state machine that takes and gives plain values.
#[pyclass(frozen, module = "syncline._syncline")]
pub(crate) struct Machine {
    core: Mutex<Core>,
}

#[pymethods]
impl Machine {
    /// Starts a machine, or brings one back from its log.
    #[new]
    fn new(py: Python<'_>, kind: &str, args: &Bound<'_, PyAny>) -> PyResult<Self> {
        let core = Core::open(kind, &value::from_python(args)?).map_err(|error| refused(py, error))?;
        Ok(Machine { core: Mutex::new(core) })
    }

    /// Takes an input at a time; returns the list of what is to be done.
    fn handle(&self, py: Python<'_>, input: &Bound<'_, PyAny>, now: u64) -> PyResult<Py<PyAny>> {
        let input = value::from_python(input)?;
        let mut core = self.core.lock_py_attached(py).map_err(|_| error::broken(py))?;
        let outputs = core.handle(&input, now);
        drop(core);
        value::to_python(py, outputs.map_err(|error| refused(py, error))?)
    }

    /// What a log must hold, and what is under way.
    fn state(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let state = self.core.lock_py_attached(py).map_err(|_| error::broken(py))?.state();
        value::to_python(py, state)
    }
}

fn refused(py: Python<'_>, error: standalone::CallError) -> PyErr {
    error::decision(py, error.code(), error.to_string())
}
