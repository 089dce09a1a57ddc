//! Decisions by name.

use syncline::place::CallError;
use syncline::{quorum, standalone};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::fail;
use crate::value::{from_js, to_js};

/// Makes the decision that `call` names; `quorum::decide`, `place::decide` and `standalone::decide` list them.
#[wasm_bindgen]
pub fn decide(call: &str, args: &JsValue) -> Result<JsValue, JsValue> {
    let args = from_js(args)?;
    match quorum::decide(call, &args) {
        Ok(answer) => Ok(to_js(&answer)),
        Err(CallError::UnknownCall(_)) => match standalone::decide(call, &args) {
            Ok(answer) => Ok(to_js(&answer)),
            Err(error) => Err(refused(error.code(), &error.to_string())),
        },
        Err(error) => Err(refused(error.code(), &error.to_string())),
    }
}

fn refused(code: &str, text: &str) -> JsValue {
    fail(&code.replace('_', "-"), text)
}
