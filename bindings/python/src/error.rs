//! The core's errors as the exceptions of `syncline.errors`, variant by variant.

use pyo3::{exceptions::PyValueError, prelude::*};
use syncline::{
    bytes::DecodeError,
    clock::ParseReplicaIdError,
    crdt::{ParsePathError, ValueError},
    doc::{ApplyError, EditError, ImportError},
};

/// Makes an exception of a class of `syncline.errors`.
fn exception(py: Python<'_>, class: &str, message: impl ToString) -> PyErr {
    let made = py
        .import("syncline.errors")
        .and_then(|module| module.getattr(class))
        .and_then(|class| class.call1((message.to_string(),)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// A change was refused.
pub(crate) fn edit(py: Python<'_>, error: EditError) -> PyErr {
    let class = match &error {
        EditError::Path(_) | EditError::Root(_) => "InvalidPathError",
        EditError::Value(ValueError::TooDeep | ValueError::TooLarge(_) | ValueError::Timestamp(_)) => "LimitError",
        EditError::Value(_) | EditError::TooLarge => "LimitError",
        EditError::NoTransaction | EditError::RolledBack => "TransactionError",
        EditError::OutOfText(_) | EditError::SplitCharacter => "OutOfRangeError",
        _ => "EditError",
    };
    exception(py, class, error)
}

/// Bytes could not be imported.
pub(crate) fn import(py: Python<'_>, error: ImportError) -> PyErr {
    let class = match &error {
        ImportError::Gap { .. } => "GapError",
        ImportError::Apply(ApplyError::InTransaction) => "TransactionError",
        ImportError::Apply(ApplyError::Writers) => "LimitError",
        _ => "BlobError",
    };
    exception(py, class, error)
}

/// Bytes are not a version.
pub(crate) fn version(py: Python<'_>, error: DecodeError) -> PyErr {
    exception(py, "BlobError", format!("these bytes are not a version ({error}): hand in what version() returned"))
}

/// A path is too long or too deep.
pub(crate) fn path(py: Python<'_>, error: ParsePathError) -> PyErr {
    exception(py, "InvalidPathError", error)
}

/// A replica id is malformed.
pub(crate) fn replica_id(error: ParseReplicaIdError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The name of an ack level is none.
pub(crate) fn ack_level(name: &str) -> PyErr {
    PyValueError::new_err(format!("{name:?} is no ack level: use 'accepted', 'stored' or 'durable'"))
}

/// A call before this one panicked in the middle of a change.
pub(crate) fn broken(py: Python<'_>) -> PyErr {
    exception(py, "BrokenReplicaError", "the document failed in an earlier call: drop it and load it again")
}
