//! Errors of the core as JavaScript errors with a stable code, and what happens on a panic.

use std::cell::RefCell;
use std::panic;

use js_sys::{Error, Function};
use syncline::bytes::DecodeError;
use syncline::crdt::ParsePathError;
use syncline::doc::{ApplyError, EditError, ImportError};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

thread_local! {
    static MAKE_ERROR: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Takes the function `(code, message) => Error` that makes the errors of this module; plain errors come before.
#[wasm_bindgen]
pub fn set_error_factory(make: Function) {
    MAKE_ERROR.with(|slot| *slot.borrow_mut() = Some(make));
}

/// Takes the function that is told of a panic, right before the WASM module stops for good.
#[wasm_bindgen]
pub fn set_panic_handler(handler: Function) {
    panic::set_hook(Box::new(move |info| {
        let message = JsValue::from_str(&info.to_string());
        // Whatever the handler throws, the module stops after this.
        let _ = handler.call1(&JsValue::UNDEFINED, &message);
    }));
}

/// Makes the error to throw.
pub(crate) fn fail(code: &str, message: &str) -> JsValue {
    let make = MAKE_ERROR.with(|slot| slot.borrow().clone());
    let made = make.map(|make| make.call2(&JsValue::UNDEFINED, &code.into(), &message.into()));
    match made {
        Some(Ok(error)) => error,
        _ => Error::new(message).unchecked_into(),
    }
}

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
    let code = match &error {
        EditError::Path(_) => "invalid-path",
        EditError::Value(_) => "invalid-value",
        EditError::NoTransaction => "no-transaction",
        EditError::RolledBack => "rolled-back",
        EditError::TooLarge => "transaction-too-large",
        EditError::OutOfText(_) => "out-of-range",
        EditError::SplitCharacter => "split-character",
        EditError::Root(_) => "root",
        _ => "edit",
    };
    fail(code, &error.to_string())
}

/// Converts an error of an import.
pub(crate) fn import_error(error: ImportError) -> JsValue {
    let code = match &error {
        ImportError::Gap { .. } => "import-gap",
        ImportError::Apply(ApplyError::InTransaction) => "in-transaction",
        ImportError::Apply(ApplyError::Writers) => "too-many-replicas",
        _ => "invalid-blob",
    };
    fail(code, &error.to_string())
}
