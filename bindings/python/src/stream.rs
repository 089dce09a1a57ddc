//! Change streams, net changes and checkpoints in the class `Replica`.

use std::sync::Arc;

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyBytes, PyTuple},
};
use syncline::{
    clock::VersionVector,
    crdt::ContainerKind,
    doc::{Source, StreamEvent, StreamId, StreamOptions},
};

use crate::{
    change, error,
    replica::{Replica, parse},
};

/// What a stream carries: only the path itself, only these kinds, from where, by whom.
type Filter = (bool, Vec<String>, String, Option<String>);

fn decode(py: Python<'_>, version: &[u8]) -> PyResult<VersionVector> {
    VersionVector::decode(version).map_err(|error| error::version(py, error))
}

fn kind(name: &str) -> PyResult<ContainerKind> {
    use ContainerKind as Kind;
    let all = [Kind::Map, Kind::Set, Kind::Text, Kind::Counter, Kind::Register, Kind::Flag, Kind::List, Kind::Bounded];
    let found = all.into_iter().find(|kind| change::kind_name(*kind) == name);
    found.ok_or_else(|| PyValueError::new_err(format!("{name:?} is no kind of container: ChangeEvent.kind has one")))
}

fn source(name: &str) -> PyResult<Source> {
    match name {
        "any" => Ok(Source::Any),
        "local" => Ok(Source::Local),
        "remote" => Ok(Source::Remote),
        other => Err(PyValueError::new_err(format!("{other:?} is no source: use 'any', 'local' or 'remote'"))),
    }
}

#[pymethods]
impl Replica {
    /// Begins a stream of the changes at and below a path; the filter is (exact, kinds, source, writer). Returns its
    /// number.
    fn stream_begin(&self, py: Python<'_>, path: &str, filter: Filter, capacity: usize) -> PyResult<u64> {
        let (path, (exact, kinds, source, writer)) = (parse(py, path)?, filter);
        let kinds = kinds.iter().map(|name| kind(name)).collect::<PyResult<_>>()?;
        let writer = writer.map(|id| id.parse().map_err(error::replica_id)).transpose()?;
        let options = StreamOptions { exact, kinds, source: self::source(&source)?, writer, capacity };
        let begun = self.lock(py)?.doc_mut().subscribe(&path, options);
        begun.map(StreamId::as_u64).map_err(|error| error::stream(py, error))
    }

    /// Ends a stream; returns whether there was one.
    fn stream_end(&self, py: Python<'_>, stream: u64) -> PyResult<bool> {
        Ok(self.lock(py)?.doc_mut().unsubscribe(StreamId::from_u64(stream)))
    }

    /// Takes the next event of a stream: a change as in `take_changes`, the number of missed events, or `None`.
    fn stream_next(&self, py: Python<'_>, stream: u64) -> PyResult<Option<Py<PyAny>>> {
        let event = self.lock(py)?.doc_mut().next_event(StreamId::from_u64(stream));
        Ok(match event {
            None => None,
            Some(StreamEvent::Change(it)) => Some(change::change(py, Arc::unwrap_or_clone(it))?.into_any().unbind()),
            Some(StreamEvent::Lagged { missed }) => Some(missed.into_pyobject(py)?.into_any().unbind()),
        })
    }

    /// The version that covers what was taken from a stream, as bytes.
    fn stream_version<'py>(&self, py: Python<'py>, stream: u64) -> PyResult<Bound<'py, PyBytes>> {
        let version = self.lock(py)?.doc().stream_version(StreamId::from_u64(stream));
        Ok(PyBytes::new(py, &version.map_err(|error| error::stream(py, error))?.encode()))
    }

    /// The net changes since what was taken from a stream, as in `changes_since`; empties its buffer.
    fn stream_resync<'py>(&self, py: Python<'py>, stream: u64) -> PyResult<Bound<'py, PyTuple>> {
        let found = self.detached(py, |core| core.doc_mut().resync(StreamId::from_u64(stream)))?;
        change::catch_up(py, found.map_err(|error| error::stream(py, error))?)
    }

    /// The net changes since a version: (version, complete, removed paths, changes).
    fn changes_since<'py>(&self, py: Python<'py>, version: &[u8]) -> PyResult<Bound<'py, PyTuple>> {
        let version = decode(py, version)?;
        let found = self.detached(py, |core| core.doc_mut().changes_since(&version))?;
        change::catch_up(py, found)
    }

    /// Makes the present version one that `diff` knows, and returns it.
    fn checkpoint<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let made = self.lock(py)?.doc_mut().checkpoint();
        Ok(PyBytes::new(py, &made.map_err(|error| error::diff(py, error))?.encode()))
    }

    /// Forgets all checkpoints.
    fn forget_checkpoints(&self, py: Python<'_>) -> PyResult<()> {
        self.lock(py)?.doc_mut().forget_checkpoints();
        Ok(())
    }

    /// The net changes between two versions of checkpoints: (path, kind, old, new, splices).
    fn diff<'py>(&self, py: Python<'py>, from_version: &[u8], to_version: &[u8]) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let (from, to) = (decode(py, from_version)?, decode(py, to_version)?);
        let found = self.detached(py, |core| core.doc_mut().diff(&from, &to))?;
        change::net_changes(py, found.map_err(|error| error::diff(py, error))?)
    }
}
