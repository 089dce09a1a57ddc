//! What happened in a document, as tuples: changes, net changes, conflicts.

use pyo3::{
    prelude::*,
    types::{PyBytes, PyTuple},
};
use syncline::{
    crdt::{Attributes, ContainerKind, Path, Resolution, ResolveError, Sibling, Splice, Value},
    doc::{CatchUp, Change, Conflict, NetChange, Origin},
};

use crate::{error, value};

/// Converts change events to tuples (path, kind, by, origin, name, old, new, splices); old and new are tuples of
/// nothing or one value.
pub(crate) fn changes<'py>(py: Python<'py>, changes: Vec<Change>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    changes.into_iter().map(|it| change(py, it)).collect()
}

/// One change event.
pub(crate) fn change<'py>(py: Python<'py>, change: Change) -> PyResult<Bound<'py, PyTuple>> {
    let (origin, name) = match change.origin {
        Origin::Local(name) => ("local", name),
        Origin::Import => ("import", None),
        Origin::Link => ("link", None),
    };
    let (old, new) = (maybe(py, change.old)?, maybe(py, change.new)?);
    let (path, kind, splices) = (path(py, &change.path)?, kind_name(change.kind), splices(py, change.splices)?);
    (path, kind, change.by.to_string(), origin, name, old, new, splices).into_pyobject(py)
}

/// Net changes as tuples (version, complete, removed paths, changes).
pub(crate) fn catch_up<'py>(py: Python<'py>, catch_up: CatchUp) -> PyResult<Bound<'py, PyTuple>> {
    let version = PyBytes::new(py, &catch_up.version.encode());
    let removed = catch_up.removed.iter().map(|it| path(py, it)).collect::<PyResult<Vec<_>>>()?;
    (version, catch_up.complete, removed, net_changes(py, catch_up.changes)?).into_pyobject(py)
}

/// Net changes as tuples (path, kind, old, new, splices).
pub(crate) fn net_changes<'py>(py: Python<'py>, changes: Vec<NetChange>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    let convert = |change: NetChange| {
        let (old, new) = (maybe(py, change.old)?, maybe(py, change.new)?);
        let splices = splices(py, change.splices)?;
        (path(py, &change.path)?, kind_name(change.kind), old, new, splices).into_pyobject(py)
    };
    changes.into_iter().map(convert).collect()
}

/// A conflict as (path, siblings, resolution), the resolution as [`resolution`] has it.
pub(crate) fn conflict<'py>(py: Python<'py>, conflict: Conflict) -> PyResult<Bound<'py, PyTuple>> {
    let siblings = siblings(py, conflict.siblings)?;
    (path(py, &conflict.path)?, siblings, resolution(py, conflict.resolution)?).into_pyobject(py)
}

/// Siblings as tuples (value, replica, number, milliseconds, source).
pub(crate) fn siblings<'py>(py: Python<'py>, siblings: Vec<Sibling>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    let convert = |sibling: Sibling| {
        let value = value::to_python(py, sibling.value)?;
        (value, sibling.replica.to_string(), sibling.seq, sibling.hlc.ms(), sibling.source).into_pyobject(py)
    };
    siblings.into_iter().map(convert).collect()
}

/// `("absent", None)`, `("value", it)`, `("all", list)`, or `("error", exception)`.
pub(crate) fn resolution(
    py: Python<'_>,
    resolution: Result<Resolution, ResolveError>,
) -> PyResult<(&'static str, Py<PyAny>)> {
    Ok(match resolution {
        Ok(Resolution::Absent) => ("absent", py.None()),
        Ok(Resolution::Value(value)) => ("value", value::to_python(py, value)?),
        Ok(Resolution::All(values)) => ("all", value::list(py, values)?),
        Err(error) => ("error", error::resolve(py, error).into_value(py).into_any()),
    })
}

/// Attributes of a text as a dict.
pub(crate) fn attributes(py: Python<'_>, attributes: Attributes) -> PyResult<Py<PyAny>> {
    value::to_python(py, Value::Map(attributes))
}

/// The name of a kind of container.
pub(crate) fn kind_name(kind: ContainerKind) -> &'static str {
    match kind {
        ContainerKind::Map => "map",
        ContainerKind::Set => "set",
        ContainerKind::Text => "text",
        ContainerKind::Counter => "counter",
        ContainerKind::Register => "register",
        ContainerKind::Flag => "flag",
        ContainerKind::List => "list",
        ContainerKind::Bounded => "bounded",
    }
}

/// Splices in code points as (index, delete, insert, retain, attributes).
fn splices(py: Python<'_>, splices: Vec<Splice>) -> PyResult<Vec<Bound<'_, PyTuple>>> {
    let convert = |splice: Splice| {
        let (index, delete) = splice.points;
        let attributes = attributes(py, splice.attributes)?;
        (index, delete, splice.insert, splice.retain_points, attributes).into_pyobject(py)
    };
    splices.into_iter().map(convert).collect()
}

pub(crate) fn path<'py>(py: Python<'py>, path: &Path) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, path.segments())
}

/// A tuple of nothing or the value: `None` is a value of its own.
fn maybe(py: Python<'_>, value: Option<Value>) -> PyResult<Bound<'_, PyTuple>> {
    let items = value.map(|value| value::to_python(py, value)).transpose()?;
    PyTuple::new(py, items)
}
