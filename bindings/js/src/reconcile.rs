//! Reconciliation in the module of the tools: the class `Session`, one end of a conversation between two documents.
//!
//! Documents are in another module, so the session works on a copy, which TypeScript keeps in step with the document.

use js_sys::Array;
use syncline::clock::ReplicaId;
use syncline::doc::Doc;
use syncline::reconcile::{Finding, Session as Core};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::fail;
use crate::value::hex;

/// One end of a reconciliation, with the copy of a document that it works on.
#[wasm_bindgen]
pub struct Session {
    core: Core,
    copy: Doc,
}

#[wasm_bindgen]
impl Session {
    /// Waits for a greeting. An audit goes on at `resume`, where the last one stopped.
    #[wasm_bindgen(constructor)]
    pub fn new(resume: u32) -> Session {
        // Nothing is written under this id.
        Session { core: Core::answer().resume_at(resume), copy: Doc::new(ReplicaId::new(0, 0)) }
    }

    /// Takes in what the document saved.
    pub fn load(&mut self, saved: &[u8]) -> Result<(), JsValue> {
        self.copy.import(saved).map(drop).map_err(|error| fail("invalid-blob", &error.to_string()))
    }

    /// Begins instead of waiting; returns the greeting. `seed` is a number that others do not foresee.
    pub fn open(&mut self, seed: f64) -> Vec<u8> {
        let (core, greeting) = Core::open(&self.copy, seed as u64, None);
        self.core = core;
        greeting
    }

    /// Takes a message; returns what to send, if anything.
    pub fn handle(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, JsValue> {
        let answer = self.core.handle(message, &mut self.copy, None);
        answer.map_err(|error| fail(&error.code().replace('_', "-"), &error.to_string()))
    }

    /// What the copy holds now.
    pub fn save(&self) -> Vec<u8> {
        self.copy.save()
    }

    /// The digest of what the copy holds now, and its version in hex digits.
    pub fn state(&self) -> String {
        let mut state = self.copy.digest().to_string();
        state.push(' ');
        state.push_str(&hex(&self.copy.version().encode()));
        state
    }

    /// Whether it is done, new events, dropped ones, findings, and where the next audit goes on.
    pub fn outcome(&self) -> Array {
        let (done, outcome) = (self.core.is_done(), self.core.outcome());
        let findings = Array::new();
        outcome.findings.iter().for_each(|finding| push(&findings, finding));
        let resume = outcome.resume.map_or(JsValue::UNDEFINED, JsValue::from);
        let (applied, dropped) = (JsValue::from_f64(outcome.applied as f64), JsValue::from_f64(outcome.dropped as f64));
        Array::of5(&done.into(), &applied, &dropped, &findings, &resume)
    }
}

/// Path, replica, number, kind and action.
fn push(flat: &Array, finding: &Finding) {
    flat.push(&JsValue::from_str(finding.key.path().as_str()));
    flat.push(&hex(finding.dot.replica.as_bytes()).into());
    flat.push(&JsValue::from_f64(finding.dot.seq as f64));
    flat.push(&finding.kind.name().into());
    flat.push(&finding.action.name().into());
}
