//! The class that JavaScript sees: construction, the link's inputs and outputs. The document part is in `doc`.

use std::mem;

use js_sys::{Array, Uint8Array};
use syncline::clock::ReplicaId;
use syncline::doc::{Doc, ImportError, ImportReport};
use syncline::replica::{self as core, Input, Output, ReplicaConfig, State, Status};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::change::flatten;
use crate::error::fail;
use crate::room;
use crate::value::{from_js, hex, option_to_js};

/// A document with its link to a relay, which is idle until it is opened and switched on.
#[wasm_bindgen]
pub struct Replica {
    inner: core::Replica,
    linked: bool,
    journaling: bool,
    payload: JsValue,
}

#[wasm_bindgen]
impl Replica {
    /// Creates an empty document, under the given id of 32 hex digits or a new one born at the given time.
    #[wasm_bindgen(constructor)]
    pub fn new(id: Option<String>, birth: f64) -> Result<Replica, JsValue> {
        let id = match id {
            Some(text) => parse_id(&text)?,
            None => ReplicaId::new(birth as u64, random()?),
        };
        let config = ReplicaConfig { room: String::new(), agent: String::new(), token: None, seed: 0 };
        let inner = core::Replica::new(config, Doc::new(id));
        let mut replica = Replica { inner, linked: false, journaling: false, payload: JsValue::UNDEFINED };
        replica.keep_batches();
        Ok(replica)
    }

    /// The replica id: 32 hex digits.
    pub fn id(&self) -> String {
        hex(self.doc().id().as_bytes())
    }

    /// Names the room to take part in once online.
    pub fn open(&mut self, room: String, agent: String, token: Option<String>) -> Result<(), JsValue> {
        self.inner.configure(ReplicaConfig { room, agent, token, seed: random()? as u64 });
        self.linked = true;
        self.keep_batches();
        Ok(())
    }

    /// Ends what `open` began; to be called offline.
    pub fn close(&mut self) {
        self.linked = false;
        self.keep_batches();
    }

    /// Switches the journal; it covers what happens from then on.
    pub fn journaling(&mut self, on: bool) {
        self.journaling = on;
        self.inner.journaling(on);
        self.keep_batches();
    }

    /// Input: a message came.
    pub fn frame(&mut self, bytes: &[u8], now: f64) {
        room::ahead();
        self.inner.handle(Input::Frame(bytes), now as u64);
    }

    /// Any other input; `kind` is a number of `INPUT` in `ts/raw.ts`, and `value` what belongs to it.
    pub fn input(&mut self, kind: u32, value: &JsValue, now: f64) -> Result<(), JsValue> {
        let presence = if kind == 3 && !value.is_undefined() { Some(from_js(value)?) } else { None };
        let input = match kind {
            0 => Input::Online(value.is_truthy()),
            1 => Input::Connected,
            2 => Input::Disconnected { code: value.as_f64().unwrap_or_default() as u16 },
            3 => Input::Presence(presence.as_ref()),
            5 => {
                self.inner.set_token(value.as_string());
                return Ok(());
            }
            _ => Input::Tick,
        };
        self.inner.handle(input, now as u64);
        Ok(())
    }

    /// The number of the next thing to do; what belongs to it is then taken by `payload`. To be called until it is 0.
    pub fn poll(&mut self, now: f64) -> u32 {
        let (kind, payload) = convert(self.inner.poll(now as u64));
        self.payload = payload;
        kind
    }

    /// Where the link stands, as in the output of a changed status.
    pub fn status(&self) -> JsValue {
        status_to_js(&self.inner.status())
    }

    /// What came with the last output.
    pub fn payload(&mut self) -> JsValue {
        mem::replace(&mut self.payload, JsValue::UNDEFINED)
    }
}

impl Replica {
    /// Committed batches wait until they are polled, so they are kept only while somebody polls.
    fn keep_batches(&mut self) {
        let wanted = self.linked || self.journaling;
        self.inner.doc_mut().keep_batches(wanted);
    }

    pub(crate) fn import_blob(&mut self, bytes: &[u8]) -> Result<ImportReport, ImportError> {
        room::for_blob(bytes.len());
        self.inner.import(bytes)
    }

    #[cfg(feature = "types")]
    pub(crate) fn mend_from(&mut self, saved: &[u8]) -> Result<(), ImportError> {
        self.inner.mend_from(saved)
    }

    pub(crate) fn doc(&self) -> &Doc {
        self.inner.doc()
    }

    pub(crate) fn doc_mut(&mut self) -> &mut Doc {
        room::ahead();
        self.inner.doc_mut()
    }
}

/// Reads a replica id.
pub(crate) fn parse_id(id: &str) -> Result<ReplicaId, JsValue> {
    id.parse().map_err(|_| fail("invalid-option", "replica must be 32 hex digits"))
}

/// The numbers are those of `OUTPUT` in `ts/raw.ts`.
fn convert(output: Output) -> (u32, JsValue) {
    match output {
        Output::Idle(until) => (0, until.map_or(JsValue::UNDEFINED, |time| JsValue::from_f64(time as f64))),
        Output::Connect => (1, JsValue::UNDEFINED),
        Output::Disconnect => (2, JsValue::UNDEFINED),
        Output::Send(bytes) => (3, Uint8Array::from(bytes.as_slice()).into()),
        Output::Journal(bytes) => (4, Uint8Array::from(bytes.as_slice()).into()),
        Output::Changes(changes) => (5, flatten(&changes).into()),
        Output::Acked { level, seq } => (6, Array::of2(&(level as u32).into(), &JsValue::from_f64(seq as f64)).into()),
        Output::Renewed { from, taken, to } => {
            let [from, to] = [from, to].map(|id| JsValue::from(hex(id.as_bytes())));
            (10, Array::of3(&from, &JsValue::from_f64(taken as f64), &to).into())
        }
        Output::Presence(changes) => {
            let flat = Array::new();
            for change in &changes {
                flat.push(&hex(change.client.as_bytes()).into());
                flat.push(&option_to_js(change.state.as_ref()));
            }
            (7, flat.into())
        }
        Output::Status(status) => (8, status_to_js(&status)),
        Output::Error(error) => {
            let code = error.code.name().replace('_', "-");
            (9, Array::of3(&code.into(), &error.message.into(), &error.temporary.into()).into())
        }
        // A kind that this package does not know yet; JavaScript passes it over.
        _ => (u32::MAX, JsValue::UNDEFINED),
    }
}

fn status_to_js(status: &Status) -> JsValue {
    let state = match status.state {
        State::Offline => 0,
        State::Connecting => 1,
        State::Syncing => 2,
        State::Live => 3,
        State::Stopped => 4,
    };
    let retry = status.retry_at.map_or(JsValue::UNDEFINED, |time| JsValue::from_f64(time as f64));
    let relay = status.relay.as_deref().map_or(JsValue::UNDEFINED, JsValue::from_str);
    Array::of4(&JsValue::from(state), &JsValue::from_f64(status.unsaved as f64), &retry, &relay).into()
}

fn random() -> Result<u128, JsValue> {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(u128::from_le_bytes(bytes)),
        Err(_) => Err(fail("no-random", "this platform has no crypto.getRandomValues(), which replica ids need")),
    }
}
