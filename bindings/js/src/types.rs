//! Reads and edits in `Replica` of what fewer documents need, see the feature `types`.
//!
//! Sets and flags of several kinds share a number; the kind stands above its lowest eight bits.

use js_sys::{Array, Float32Array, Uint8Array};
use syncline::clock::{ReplicaId, VersionVector};
use syncline::crdt::{FlagKind, Path, Policy, SetKind, Value};
use syncline::doc::{Doc, EditError};
use wasm_bindgen::JsValue;

use crate::conflict::resolution_to_js;
use crate::error::fail;
use crate::refused::{decode_error, resolve_error, unsupported};
use crate::replica::parse_id;
use crate::value::{from_js, list_to_js, to_js, version};

/// The first number of `WRITE` that is about these types.
pub(crate) const FIRST: u32 = 32;

/// The number of `READ` that takes over what was mended in a copy.
pub(crate) const MEND: u32 = 44;

/// Reads; `value` is an element or the id of a replica.
pub(crate) fn read(doc: &mut Doc, what: u32, path: &Path, value: &JsValue) -> Result<JsValue, JsValue> {
    Ok(match what & 0xff {
        6 => doc.set_contains_as(path, set_kind(what)?, &from_js(value)?).into(),
        7 => (doc.set_len_as(path, set_kind(what)?) as u32).into(),
        8 => list_to_js(&doc.set_elements_as(path, set_kind(what)?)),
        32 => doc.flag(path, flag_kind(what)).into(),
        33 => to_js(&Value::Int(doc.bounded(path))),
        34 => (doc.bounded_rights(path, replica(value)?) as f64).into(),
        35 => to_js(&doc.policy(path).to_value()),
        36 => resolution_to_js(doc.resolve(path).map_err(resolve_error)?),
        37 => doc.source(replica(value)?).map_or(JsValue::UNDEFINED, |name| JsValue::from_str(&name)),
        38 => doc.vector_bytes(path).map_or(JsValue::UNDEFINED, vector),
        43 => (doc.prune(&version(value)?) as u32).into(),
        39 => {
            let memory = doc.memory();
            let flat = Array::new();
            for bytes in [memory.keys, memory.values, memory.log, memory.deletes, memory.version] {
                flat.push(&JsValue::from_f64(bytes as f64));
            }
            flat.into()
        }
        _ => return Err(unsupported()),
    })
}

/// One copy, from the document's memory to an array that JavaScript owns. WASM and its hosts are little-endian.
fn vector(bytes: &[u8]) -> JsValue {
    let floats = Float32Array::new_with_length((bytes.len() / 4) as u32);
    Uint8Array::new(&floats.buffer()).copy_from(bytes);
    floats.into()
}

/// An edit whose arguments are understood.
pub(crate) enum Write {
    Add(SetKind, Value),
    Remove(SetKind, Value),
    Flag(FlagKind, bool),
    Bounded(i64),
    BoundedAdd(u64),
    BoundedSub(u64),
    BoundedTransfer(ReplicaId, u64),
    BoundedAdopt(ReplicaId),
    Policy(Option<Policy>),
    Source(String),
    Reset,
    Grow(i64),
    Fold(VersionVector),
}

impl Write {
    /// Understands `value` and `index`, which may be an amount.
    pub(crate) fn read(what: u32, value: Value, index: f64) -> Result<Write, JsValue> {
        let amount = index as u64;
        Ok(match (what & 0xff, value) {
            (2, value) => Write::Add(set_kind(what)?, value),
            (3, value) => Write::Remove(set_kind(what)?, value),
            (32, Value::Bool(truth)) => Write::Flag(flag_kind(what), truth),
            (33, Value::Int(bound)) => Write::Bounded(bound),
            (34, _) => Write::BoundedAdd(amount),
            (35, _) => Write::BoundedSub(amount),
            (36, Value::Str(to)) => Write::BoundedTransfer(parse_id(&to)?, amount),
            (37, Value::Str(from)) => Write::BoundedAdopt(parse_id(&from)?),
            (38, Value::Null) => Write::Policy(None),
            (38, value) => {
                let policy = Policy::from_value(value.clone());
                if policy.to_value() != value {
                    return Err(fail("invalid-value", "there is no such policy: see the type Policy for all of them"));
                }
                Write::Policy(Some(policy))
            }
            (39, Value::Str(name)) => Write::Source(name),
            (42, _) => Write::Reset,
            (40, Value::Int(by)) => Write::Grow(by),
            (41, Value::List(versions)) => Write::Fold(meet(&versions)?),
            (32.., _) => {
                return Err(fail("invalid-value", "this write takes another type of value: see its documentation"));
            }
            _ => return Err(unsupported()),
        })
    }

    /// Makes the edit.
    pub(crate) fn make(self, doc: &mut Doc, path: &Path) -> Result<(), EditError> {
        match self {
            Write::Add(kind, value) => doc.set_add_as(path, kind, value).map(drop),
            Write::Remove(kind, value) => doc.set_remove_as(path, kind, &value).map(drop),
            Write::Flag(kind, truth) => doc.flag_set(path, kind, truth),
            Write::Bounded(bound) => doc.bounded_create(path, bound),
            Write::BoundedAdd(amount) => doc.bounded_add(path, amount),
            Write::BoundedSub(amount) => doc.bounded_sub(path, amount),
            Write::BoundedTransfer(to, amount) => doc.bounded_transfer(path, to, amount),
            Write::BoundedAdopt(from) => doc.bounded_adopt(path, from).map(drop),
            Write::Policy(Some(policy)) => doc.set_policy(path, &policy),
            Write::Policy(None) => doc.clear_policy(path).map(drop),
            Write::Source(name) => doc.set_source(&name),
            Write::Reset => doc.counter_reset(path).map(drop),
            Write::Grow(by) => doc.counter_grow(path, by),
            Write::Fold(stable) => doc.fold(&stable.meet(&doc.version())).map(drop),
        }
    }
}

/// What all of the encoded versions have seen; nothing if there are none.
fn meet(versions: &[Value]) -> Result<VersionVector, JsValue> {
    let mut all: Option<VersionVector> = None;
    for version in versions {
        let Value::Bytes(bytes) = version else { return Err(fail("invalid-value", "fold() takes versions")) };
        let version = VersionVector::decode(bytes).map_err(decode_error)?;
        all = Some(all.map_or_else(|| version.clone(), |all| all.meet(&version)));
    }
    Ok(all.unwrap_or_default())
}

fn set_kind(what: u32) -> Result<SetKind, JsValue> {
    SetKind::ALL.get((what >> 8) as usize).copied().ok_or_else(unsupported)
}

fn flag_kind(what: u32) -> FlagKind {
    if what >> 8 == 0 { FlagKind::EnableWins } else { FlagKind::DisableWins }
}

fn replica(value: &JsValue) -> Result<ReplicaId, JsValue> {
    parse_id(&value.as_string().unwrap_or_default())
}
