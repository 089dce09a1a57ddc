//! Conflicts and the functions that resolve them in `Replica`: a part of the feature `types`.
//!
//! A function runs in the middle of a read, while the replica is in use; TypeScript sees to it that it cannot get there.

use js_sys::{Array, Function};
use syncline::crdt::{Path, Resolution, ResolveError, Sibling};
use syncline::doc::{Conflict, Doc, Resolver};
use wasm_bindgen::{JsCast, JsValue};

use crate::refused::resolve_error;
use crate::value::{hex, list_to_js, to_js};

/// The numbers of `READ` that are about these.
pub(crate) const FIRST: u32 = 40;
pub(crate) const LAST: u32 = 42;

/// Reads and acts; `value` is a list of a name and a function.
pub(crate) fn read(doc: &mut Doc, what: u32, path: &Path, value: &JsValue) -> JsValue {
    match what {
        40 => {
            let flat = Array::new();
            for conflict in doc.take_conflicts() {
                flat.push(&conflict_to_js(conflict));
            }
            flat.into()
        }
        41 => siblings_to_js(&doc.siblings_with_origin(path)).into(),
        _ => {
            // TypeScript has seen to it that there is a function.
            let known: &Array = value.unchecked_ref();
            let name = known.get(0).as_string().unwrap_or_default();
            doc.register_resolver(&name, resolver(known.get(1).unchecked_into()));
            JsValue::UNDEFINED
        }
    }
}

/// Nothing, the one value, or nothing and all values.
pub(crate) fn resolution_to_js(resolution: Resolution) -> JsValue {
    match resolution {
        Resolution::Absent => Array::new(),
        Resolution::Value(value) => Array::of1(&to_js(&value)),
        Resolution::All(values) => Array::of2(&JsValue::UNDEFINED, &list_to_js(&values)),
    }
    .into()
}

/// Path, siblings, and the resolution or the error.
fn conflict_to_js(conflict: Conflict) -> JsValue {
    let resolution: Result<Resolution, ResolveError> = conflict.resolution;
    let resolution = resolution.map_or_else(resolve_error, resolution_to_js);
    Array::of3(&conflict.path.as_str().into(), &siblings_to_js(&conflict.siblings), &resolution).into()
}

/// Value, replica, number, milliseconds and source of each, in turn.
fn siblings_to_js(siblings: &[Sibling]) -> Array {
    let flat = Array::new();
    for sibling in siblings {
        flat.push(&to_js(&sibling.value));
        flat.push(&hex(sibling.replica.as_bytes()).into());
        flat.push(&JsValue::from_f64(sibling.seq as f64));
        flat.push(&JsValue::from_f64(sibling.hlc.ms() as f64));
        flat.push(&sibling.source.as_deref().map_or(JsValue::UNDEFINED, JsValue::from_str));
    }
    flat
}

/// Wraps a function. What it throws, and what is no index, picks no value.
fn resolver(function: Function) -> Resolver {
    Box::new(move |siblings| {
        let picked = function.call1(&JsValue::UNDEFINED, &siblings_to_js(siblings));
        let index = picked.ok().and_then(|index| index.as_f64());
        index.filter(|&index| index >= 0.0 && index.trunc() == index).map_or(usize::MAX, |index| index as usize)
    })
}
