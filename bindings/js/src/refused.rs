//! What the core refused, as JavaScript errors with a stable code.

use syncline::bytes::DecodeError;
use syncline::crdt::ParsePathError;
#[cfg(feature = "types")]
use syncline::crdt::ResolveError;
use syncline::doc::{ApplyError, EditError, ImportError};
#[cfg(feature = "streams")]
use syncline::doc::{DiffError, StreamError};
use wasm_bindgen::JsValue;

use crate::error::fail;

/// Converts an error about a path.
pub(crate) fn path_error(error: ParsePathError) -> JsValue {
    fail("invalid-path", &error.to_string())
}

/// Converts an error of decoding bytes that are not a whole blob.
pub(crate) fn decode_error(error: DecodeError) -> JsValue {
    fail("invalid-bytes", &error.to_string())
}

/// Converts an error of an edit.
pub(crate) fn edit_error(error: EditError) -> JsValue {
    fail(edit_code(&error), &error.to_string())
}

/// The code of an error of an edit.
pub(crate) fn edit_code(error: &EditError) -> &'static str {
    match error {
        EditError::Path(_) => "invalid-path",
        EditError::Value(_) => "invalid-value",
        EditError::NoTransaction => "no-transaction",
        EditError::RolledBack => "rolled-back",
        EditError::TooLarge => "transaction-too-large",
        EditError::OutOfText(_) | EditError::OutOfList(_) => "out-of-range",
        EditError::SplitCharacter => "split-character",
        EditError::Root(_) => "root",
        EditError::GrowOnly => "grow-only",
        EditError::Shrinks => "shrinks",
        EditError::Removed => "removed",
        EditError::Rights { .. } => "rights",
        EditError::Amount => "amount",
        EditError::InTransaction => "in-transaction",
        EditError::Attribute => "invalid-attribute",
        _ => "edit",
    }
}

/// Converts an error of a stream.
#[cfg(feature = "streams")]
pub(crate) fn stream_error(error: StreamError) -> JsValue {
    let code = if error == StreamError::TooMany { "too-many-streams" } else { "closed" };
    fail(code, &error.to_string())
}

/// Converts an error of comparing versions.
#[cfg(feature = "streams")]
pub(crate) fn diff_error(error: DiffError) -> JsValue {
    let code = if error == DiffError::Unknown { "unknown-version" } else { "in-transaction" };
    fail(code, &error.to_string())
}

/// Converts an error of an import.
pub(crate) fn import_error(error: ImportError) -> JsValue {
    let code = match &error {
        ImportError::Gap { .. } => "import-gap",
        ImportError::Apply(ApplyError::InTransaction) => "in-transaction",
        ImportError::Apply(ApplyError::Writers) => "too-many-replicas",
        ImportError::OtherVersion => "document-changed",
        _ => "invalid-blob",
    };
    fail(code, &error.to_string())
}

/// Converts an error of a policy that cannot be applied.
#[cfg(feature = "types")]
pub(crate) fn resolve_error(error: ResolveError) -> JsValue {
    let code = match &error {
        ResolveError::UnknownSource(_) => "unknown-source",
        ResolveError::NoResolver(_) => "no-resolver",
        _ => "resolver-choice",
    };
    fail(code, &error.to_string())
}

/// What this module was built without.
pub(crate) fn unsupported() -> JsValue {
    fail(
        "unsupported",
        "this WASM was built without that (small builds have registers, maps, counters and add-wins \
         sets): load the syncline.wasm of the npm package",
    )
}
