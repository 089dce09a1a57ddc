//! The document's part of the class `Replica`: transactions, reads, writes and the exchange of blobs.
//!
//! Paths arrive in the core's encoded form, positions of texts count code points. A write inside an open transaction
//! returns `None`; outside it is a transaction of its own and returns its sequence number, 0 if it changed nothing.

use pyo3::{
    prelude::*,
    types::{IntoPyDict, PyBytes, PyDict, PyList, PyTuple},
};
use syncline::{
    clock::VersionVector,
    crdt::{ContainerKind, TextUnit},
    doc::{Doc, EditError},
};

use crate::{
    error,
    replica::{Replica, changes, millis, parse},
    value,
};

impl Replica {
    fn write(
        &self,
        py: Python<'_>,
        now: Option<u64>,
        edit: impl FnOnce(&mut Doc) -> Result<(), EditError>,
    ) -> PyResult<Option<u64>> {
        let mut core = self.lock(py)?;
        let written = write(core.doc_mut(), millis(now), edit);
        drop(core);
        written.map_err(|error| error::edit(py, error))
    }
}

/// Edits inside the open transaction, or in one of its own.
fn write(
    doc: &mut Doc,
    now: u64,
    edit: impl FnOnce(&mut Doc) -> Result<(), EditError>,
) -> Result<Option<u64>, EditError> {
    if doc.in_transaction() {
        return edit(doc).map(|()| None);
    }
    let before = doc.last_seq();
    doc.transact(now, None, edit)?;
    let after = doc.last_seq();
    Ok(Some(if after > before { after } else { 0 }))
}

#[pymethods]
impl Replica {
    /// Opens a transaction, or joins the open one.
    #[pyo3(signature = (now=None, origin=None))]
    fn begin(&self, py: Python<'_>, now: Option<u64>, origin: Option<&str>) -> PyResult<()> {
        let begun = self.lock(py)?.doc_mut().begin(millis(now), origin);
        begun.map_err(|error| error::edit(py, error))
    }

    /// Closes the transaction; the outermost one returns its sequence number, 0 if it wrote nothing.
    fn commit(&self, py: Python<'_>) -> PyResult<u64> {
        let committed = self.lock(py)?.doc_mut().commit();
        committed.map(Option::unwrap_or_default).map_err(|error| error::edit(py, error))
    }

    /// Takes back everything that the transaction wrote.
    fn rollback(&self, py: Python<'_>) -> PyResult<()> {
        self.lock(py)?.doc_mut().rollback();
        Ok(())
    }

    /// The register's value, or the default.
    #[pyo3(signature = (path, default=None))]
    fn get(&self, py: Python<'_>, path: &str, default: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let path = parse(py, path)?;
        let found = self.lock(py)?.doc().get(&path);
        match found {
            Some(value) => value::to_python(py, value),
            None => Ok(default.unwrap_or_else(|| py.None())),
        }
    }

    /// All concurrent values of the register, newest first.
    fn siblings(&self, py: Python<'_>, path: &str) -> PyResult<Py<PyAny>> {
        let path = parse(py, path)?;
        let found = self.lock(py)?.doc().siblings(&path);
        value::list(py, found)
    }

    /// The whole subtree as plain objects, or the default.
    #[pyo3(signature = (path, default=None))]
    fn view(&self, py: Python<'_>, path: &str, default: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let path = parse(py, path)?;
        let found = self.detached(py, |core| core.doc().view(&path))?;
        match found {
            Some(value) => value::to_python(py, value),
            None => Ok(default.unwrap_or_else(|| py.None())),
        }
    }

    /// Whether anything stands at or below the path.
    fn contains(&self, py: Python<'_>, path: &str) -> PyResult<bool> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc().contains(&path))
    }

    /// The keys of a map, sorted.
    fn keys<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyList>> {
        let path = parse(py, path)?;
        let keys = self.detached(py, |core| core.doc().keys(&path))?;
        PyList::new(py, keys)
    }

    /// The number of keys of a map.
    fn len(&self, py: Python<'_>, path: &str) -> PyResult<usize> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc().len(&path))
    }

    /// What stands at the path: register, map, set, counter, text or nothing.
    fn kind(&self, py: Python<'_>, path: &str) -> PyResult<Option<&'static str>> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc().kind(&path).map(kind_name))
    }

    /// Whether the set has this element.
    fn set_contains(&self, py: Python<'_>, path: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (path, value) = (parse(py, path)?, value::from_python(value)?);
        Ok(self.lock(py)?.doc().set_contains(&path, &value))
    }

    /// The elements of a set, in the order of their encoding.
    fn set_elements(&self, py: Python<'_>, path: &str) -> PyResult<Py<PyAny>> {
        let path = parse(py, path)?;
        let elements = self.lock(py)?.doc().set_elements(&path);
        value::list(py, elements)
    }

    /// The number of elements of a set.
    fn set_len(&self, py: Python<'_>, path: &str) -> PyResult<usize> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc().set_len(&path))
    }

    /// The sum of a counter.
    fn counter(&self, py: Python<'_>, path: &str) -> PyResult<i64> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc().counter(&path))
    }

    /// The whole text.
    fn text(&self, py: Python<'_>, path: &str) -> PyResult<String> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc_mut().text(&path))
    }

    /// The length of a text in code points.
    fn text_len(&self, py: Python<'_>, path: &str) -> PyResult<usize> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc_mut().text_len(&path, TextUnit::CodePoint))
    }

    /// Sets a register; replaces what is at and below the path.
    #[pyo3(signature = (path, value, now=None))]
    fn set(&self, py: Python<'_>, path: &str, value: &Bound<'_, PyAny>, now: Option<u64>) -> PyResult<Option<u64>> {
        let (path, value) = (parse(py, path)?, value::from_python(value)?);
        self.write(py, now, |doc| doc.set(&path, value))
    }

    /// Deletes everything at and below the path.
    #[pyo3(signature = (path, now=None))]
    fn delete(&self, py: Python<'_>, path: &str, now: Option<u64>) -> PyResult<Option<u64>> {
        let path = parse(py, path)?;
        self.write(py, now, |doc| doc.delete(&path).map(drop))
    }

    /// Merges a value: dicts become nested maps, the rest registers.
    #[pyo3(signature = (path, value, now=None))]
    fn assign(&self, py: Python<'_>, path: &str, value: &Bound<'_, PyAny>, now: Option<u64>) -> PyResult<Option<u64>> {
        let (path, value) = (parse(py, path)?, value::from_python(value)?);
        self.write(py, now, |doc| doc.assign(&path, value))
    }

    /// Marks a map as existing even when it is empty.
    #[pyo3(signature = (path, now=None))]
    fn create_map(&self, py: Python<'_>, path: &str, now: Option<u64>) -> PyResult<Option<u64>> {
        let path = parse(py, path)?;
        self.write(py, now, |doc| doc.create_map(&path))
    }

    /// Adds an element to a set.
    #[pyo3(signature = (path, value, now=None))]
    fn set_add(&self, py: Python<'_>, path: &str, value: &Bound<'_, PyAny>, now: Option<u64>) -> PyResult<Option<u64>> {
        let (path, value) = (parse(py, path)?, value::from_python(value)?);
        self.write(py, now, |doc| doc.set_add(&path, value).map(drop))
    }

    /// Removes an element from a set.
    #[pyo3(signature = (path, value, now=None))]
    fn set_remove(
        &self,
        py: Python<'_>,
        path: &str,
        value: &Bound<'_, PyAny>,
        now: Option<u64>,
    ) -> PyResult<Option<u64>> {
        let (path, value) = (parse(py, path)?, value::from_python(value)?);
        self.write(py, now, |doc| doc.set_remove(&path, &value).map(drop))
    }

    /// Adds to a counter.
    #[pyo3(signature = (path, by, now=None))]
    fn counter_add(&self, py: Python<'_>, path: &str, by: i64, now: Option<u64>) -> PyResult<Option<u64>> {
        let path = parse(py, path)?;
        self.write(py, now, |doc| doc.counter_add(&path, by))
    }

    /// Inserts into a text at a position in code points.
    #[pyo3(signature = (path, index, text, now=None))]
    fn text_insert(
        &self,
        py: Python<'_>,
        path: &str,
        index: usize,
        text: &str,
        now: Option<u64>,
    ) -> PyResult<Option<u64>> {
        let path = parse(py, path)?;
        self.write(py, now, |doc| doc.text_insert(&path, index, text, TextUnit::CodePoint))
    }

    /// Deletes code points from a text.
    #[pyo3(signature = (path, index, length, now=None))]
    fn text_delete(
        &self,
        py: Python<'_>,
        path: &str,
        index: usize,
        length: usize,
        now: Option<u64>,
    ) -> PyResult<Option<u64>> {
        let path = parse(py, path)?;
        self.write(py, now, |doc| doc.text_delete(&path, index, length, TextUnit::CodePoint))
    }

    /// The version vector as bytes.
    fn version<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let version = self.lock(py)?.doc().version().encode();
        Ok(PyBytes::new(py, &version))
    }

    /// The version vector as (replica, highest sequence number) pairs, sorted.
    fn version_entries(&self, py: Python<'_>) -> PyResult<Vec<(String, u64)>> {
        let version = self.lock(py)?.doc().version();
        Ok(version.iter().map(|(id, seq)| (id.to_string(), seq)).collect())
    }

    /// The own highest sequence number.
    fn last_seq(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.lock(py)?.doc().last_seq())
    }

    /// The digest of the document: 32 hexadecimal digits.
    fn digest(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.lock(py)?.doc().digest().to_string())
    }

    /// The sizes of the document by name.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.lock(py)?.doc().stats();
        let sizes = [
            ("replicas", stats.replicas),
            ("leaves", stats.leaves),
            ("events", stats.dots),
            ("deletes", stats.deletes),
        ];
        sizes.into_py_dict(py)
    }

    /// The snapshot, or with a version the changes since it.
    #[pyo3(signature = (since=None))]
    fn export<'py>(&self, py: Python<'py>, since: Option<&[u8]>) -> PyResult<Bound<'py, PyBytes>> {
        let since = since.map(VersionVector::decode).transpose().map_err(|error| error::version(py, error))?;
        let blob = self.detached(py, |core| match &since {
            Some(since) => core.doc().export_from(since),
            None => core.doc().export(),
        })?;
        Ok(PyBytes::new(py, &blob))
    }

    /// Everything that a local store must keep.
    fn save<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let blob = self.detached(py, |core| core.doc().save())?;
        Ok(PyBytes::new(py, &blob))
    }

    /// Merges a blob of `export`, `save` or the journal; returns how many events were new.
    fn import_blob(&self, py: Python<'_>, blob: &[u8]) -> PyResult<u64> {
        let report = self.detached(py, |core| core.import(blob))?;
        Ok(report.map_err(|error| error::import(py, error))?.applied)
    }

    /// Turns the recording of changes on or off.
    fn observe(&self, py: Python<'_>, on: bool) -> PyResult<()> {
        self.lock(py)?.doc_mut().observe(on);
        Ok(())
    }

    /// Takes the changes recorded since the last time.
    fn take_changes<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let taken = self.lock(py)?.doc_mut().take_changes();
        changes(py, taken)
    }
}

fn kind_name(kind: ContainerKind) -> &'static str {
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
