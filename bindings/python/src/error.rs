//! The core's errors as the exceptions of `syncline.errors`, variant by variant.

use pyo3::{
    call::PyCallArgs,
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
};
use syncline::{
    bytes::DecodeError,
    clock::ParseReplicaIdError,
    crdt::{ParsePathError, ResolveError},
    doc::{ApplyError, DiffError, EditError, ImportError, PlainError, StreamError},
    reconcile::SessionError,
};

/// Makes an exception of a class of `syncline.errors`.
fn exception(py: Python<'_>, class: &str, message: impl ToString) -> PyErr {
    exception_with(py, class, (message.to_string(),))
}

/// Makes an exception that takes more than a message.
fn exception_with<'py>(py: Python<'py>, class: &str, args: impl PyCallArgs<'py>) -> PyErr {
    let made =
        py.import("syncline.errors").and_then(|module| module.getattr(class)).and_then(|class| class.call1(args));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// A change was refused.
pub(crate) fn edit(py: Python<'_>, error: EditError) -> PyErr {
    if let EditError::Rights { available, asked } = error {
        return exception_with(py, "RightsError", (error.to_string(), available, asked));
    }
    exception(py, edit_class(&error), error)
}

fn edit_class(error: &EditError) -> &'static str {
    match error {
        EditError::Path(_) | EditError::Root(_) => "InvalidPathError",
        EditError::Value(_) | EditError::TooLarge => "LimitError",
        EditError::NoTransaction | EditError::RolledBack | EditError::InTransaction => "TransactionError",
        EditError::Attribute => "AttributesError",
        EditError::GrowOnly => "GrowOnlyError",
        EditError::Removed => "RemovedError",
        EditError::Shrinks => "ShrinksError",
        EditError::Amount => "AmountError",
        EditError::OutOfText(_) | EditError::OutOfList(_) | EditError::SplitCharacter => "OutOfRangeError",
        _ => "EditError",
    }
}

/// The receipt of a transaction has no number.
pub(crate) fn receipt(py: Python<'_>, state: &str) -> PyErr {
    exception(py, "TransactionError", format!("the transaction of this change {state}"))
}

/// A policy cannot be applied.
pub(crate) fn resolve(py: Python<'_>, error: ResolveError) -> PyErr {
    let code = match &error {
        ResolveError::UnknownSource(_) => "unknown_source",
        ResolveError::NoResolver(_) => "no_resolver",
        _ => "resolver_choice",
    };
    exception_with(py, "ResolveError", (error.to_string(), code))
}

/// A call by name has no answer.
pub(crate) fn decision(py: Python<'_>, code: &str, text: String) -> PyErr {
    exception_with(py, "DecisionError", (text, code))
}

/// Plain data cannot be written.
pub(crate) fn plain(py: Python<'_>, error: PlainError) -> PyErr {
    let text = error.to_string();
    match error {
        PlainError::Json { line, column, .. } => exception_with(py, "DataError", (text, line, column)),
        PlainError::Cbor { offset, .. } => exception_with(py, "DataError", (text, py.None(), py.None(), offset)),
        PlainError::Edit { error, .. } => exception(py, edit_class(&error), text),
        _ => exception(py, "DataError", text),
    }
}

/// A stream was refused.
pub(crate) fn stream(py: Python<'_>, error: StreamError) -> PyErr {
    exception(py, if error == StreamError::TooMany { "LimitError" } else { "StreamError" }, error)
}

/// Versions cannot be compared.
pub(crate) fn diff(py: Python<'_>, error: DiffError) -> PyErr {
    exception(py, if error == DiffError::InTransaction { "TransactionError" } else { "VersionError" }, error)
}

/// Bytes are not a cursor.
pub(crate) fn cursor(py: Python<'_>, error: DecodeError) -> PyErr {
    exception(py, "BlobError", format!("these bytes are not a cursor ({error}): hand in what cursor() returned"))
}

/// There is no such policy.
pub(crate) fn policy() -> PyErr {
    PyValueError::new_err(
        "there is no such policy: use 'last-writer-wins', 'keep-all', 'insert-wins', 'remove-wins', \
         SourcePriority or Custom",
    )
}

/// A resolver used a document.
pub(crate) fn resolving(py: Python<'_>) -> PyErr {
    exception(py, "EditError", "a resolver looks at nothing but the values it is given, and at no document")
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

/// A reconciliation cannot go on.
pub(crate) fn session(py: Python<'_>, error: SessionError) -> PyErr {
    exception_with(py, "ReconcileError", (error.to_string(), error.code()))
}

/// Bytes are not a version.
pub(crate) fn version(py: Python<'_>, error: DecodeError) -> PyErr {
    exception(py, "BlobError", format!("these bytes are not a version ({error}): hand in what version() returned"))
}

/// A path is too long or too deep.
pub(crate) fn path(py: Python<'_>, error: ParsePathError) -> PyErr {
    exception(py, "InvalidPathError", error)
}

/// A key is no string.
pub(crate) fn key(key: &Bound<'_, PyAny>) -> PyErr {
    let class = key.get_type().name().map_or_else(|_| "this".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("a key is a str, not {class}: convert it with str()"))
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
