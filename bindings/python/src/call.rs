//! The function `decide`: decisions of the core and its types without a document, by name.

use pyo3::prelude::*;
use syncline::{crdt::Value, place::CallError, quorum, standalone};

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
