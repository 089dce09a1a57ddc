//! How errors with a stable code become JavaScript errors, and what happens on a panic.

use std::cell::RefCell;
use std::panic;

use js_sys::{Error, Function};
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
