//! Decisions by name, and state machines.

use syncline::place::CallError;
use syncline::quorum;
use syncline::standalone::{self, Machine as Core};
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

/// A state machine that takes and gives plain values.
#[wasm_bindgen]
pub struct Machine {
    core: Core,
}

#[wasm_bindgen]
impl Machine {
    /// Starts a machine, or brings one back from its log.
    #[wasm_bindgen(constructor)]
    pub fn new(kind: &str, args: &JsValue) -> Result<Machine, JsValue> {
        let core = Core::open(kind, &from_js(args)?).map_err(|error| refused(error.code(), &error.to_string()))?;
        Ok(Machine { core })
    }

    /// Takes an input at a time; returns the list of what is to be done.
    pub fn handle(&mut self, input: &JsValue, now: f64) -> Result<JsValue, JsValue> {
        let outputs = self.core.handle(&from_js(input)?, now as u64);
        Ok(to_js(&outputs.map_err(|error| refused(error.code(), &error.to_string()))?))
    }

    /// What a log must hold, and what is under way.
    pub fn state(&self) -> JsValue {
        to_js(&self.core.state())
    }
}

fn refused(code: &str, text: &str) -> JsValue {
    fail(&code.replace('_', "-"), text)
}
