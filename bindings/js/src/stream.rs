//! Streams of changes, net changes since a version, and checkpoints in `Replica`.

use js_sys::{Array, Uint8Array};
use syncline::clock::VersionVector;
use syncline::crdt::{ContainerKind, Path};
use syncline::doc::{CatchUp, Doc, NetChange, Source, StreamEvent, StreamId, StreamOptions};
use wasm_bindgen::{JsCast, JsValue};

use crate::change::{fields, kind_number, splices};
use crate::refused::{diff_error, stream_error};
use crate::replica::parse_id;
use crate::value::{option_to_js, version};

/// The numbers of `READ` that are about these.
pub(crate) const FIRST: u32 = 64;
pub(crate) const LAST: u32 = 79;

const KINDS: [ContainerKind; 8] = [
    ContainerKind::Register,
    ContainerKind::Set,
    ContainerKind::Counter,
    ContainerKind::Text,
    ContainerKind::Map,
    ContainerKind::Flag,
    ContainerKind::List,
    ContainerKind::Bounded,
];

/// Reads; `value` is a version, the number of a stream, or a list of what is needed.
pub(crate) fn read(doc: &mut Doc, what: u32, path: &Path, value: &JsValue) -> Result<JsValue, JsValue> {
    let stream = StreamId::from_u64(value.as_f64().unwrap_or_default() as u64);
    Ok(match what {
        64 => {
            let options = stream_options(value.unchecked_ref())?;
            JsValue::from_f64(doc.subscribe(path, options).map_err(stream_error)?.as_u64() as f64)
        }
        65 => doc.unsubscribe(stream).into(),
        66 => next(doc, stream),
        67 => version_to_js(&doc.stream_version(stream).map_err(stream_error)?),
        68 => catch_up_to_js(&doc.resync(stream).map_err(stream_error)?),
        69 => catch_up_to_js(&doc.changes_since(&version(value)?)),
        70 => version_to_js(&doc.checkpoint().map_err(diff_error)?),
        71 => {
            let ends: &Array = value.unchecked_ref();
            let (from, to) = (version(&ends.get(0))?, version(&ends.get(1))?);
            net_changes(&doc.diff(&from, &to).map_err(diff_error)?).into()
        }
        _ => {
            doc.forget_checkpoints();
            JsValue::UNDEFINED
        }
    })
}

/// From a list: exact, kinds, source, writer, capacity.
fn stream_options(list: &Array) -> Result<StreamOptions, JsValue> {
    let kinds = list.get(1);
    let mut options = StreamOptions {
        exact: list.get(0).is_truthy(),
        source: match list.get(2).as_f64() {
            Some(1.0) => Source::Local,
            Some(2.0) => Source::Remote,
            _ => Source::Any,
        },
        capacity: list.get(4).as_f64().unwrap_or_default() as usize,
        ..StreamOptions::default()
    };
    let kinds: &Array = kinds.unchecked_ref();
    for at in 0..kinds.length() {
        options.kinds.extend(kinds.get(at).as_f64().and_then(|kind| KINDS.get(kind as usize)));
    }
    if let Some(writer) = list.get(3).as_string() {
        options.writer = Some(parse_id(&writer)?);
    }
    Ok(options)
}

/// The fields of the next change; how many events are missing here, as a number; or undefined.
fn next(doc: &mut Doc, stream: StreamId) -> JsValue {
    match doc.next_event(stream) {
        Some(StreamEvent::Change(change)) => {
            let flat = Array::new();
            for field in fields(&change) {
                flat.push(&field);
            }
            flat.into()
        }
        Some(StreamEvent::Lagged { missed }) => JsValue::from_f64(missed as f64),
        None => JsValue::UNDEFINED,
    }
}

/// Version, removed paths, changes, and whether they are all there is.
fn catch_up_to_js(catch_up: &CatchUp) -> JsValue {
    let removed = Array::new();
    for path in &catch_up.removed {
        removed.push(&JsValue::from_str(path.as_str()));
    }
    let changes = net_changes(&catch_up.changes);
    Array::of4(&version_to_js(&catch_up.version), &removed, &changes, &catch_up.complete.into()).into()
}

/// Path, kind, old, new and splices of each, in turn.
fn net_changes(changes: &[NetChange]) -> Array {
    let flat = Array::new();
    for change in changes {
        flat.push(&JsValue::from_str(change.path.as_str()));
        flat.push(&kind_number(change.kind).into());
        flat.push(&option_to_js(change.old.as_ref()));
        flat.push(&option_to_js(change.new.as_ref()));
        flat.push(&splices(&change.splices));
    }
    flat
}

fn version_to_js(version: &VersionVector) -> JsValue {
    Uint8Array::from(version.encode().as_slice()).into()
}
