//! The document's part of the class `Replica`: transactions, reads, writes and the exchange of blobs.
//!
//! Paths arrive in the core's encoded form, positions of texts count code points. A write returns its receipt: inside
//! an open transaction that of all its changes, outside one of its own.

use pyo3::{
    exceptions::PyKeyError,
    prelude::*,
    types::{PyBytes, PyList, PyString, PyTuple},
};
use syncline::{
    clock::VersionVector,
    doc::{Doc, EditError},
};

use crate::{
    change, error,
    receipt::Write,
    replica::{Replica, parse},
    value,
};

impl Replica {
    /// Makes one change when it is this thread's turn, inside the open transaction or as one of its own.
    pub(crate) fn write(
        &self,
        py: Python<'_>,
        edit: impl FnOnce(&mut Doc) -> Result<(), EditError>,
    ) -> PyResult<Py<Write>> {
        let _turn = self.turn(py)?;
        let now = self.now(py)?;
        let written = write(self.lock(py)?.doc_mut(), now, edit);
        self.written(py, written.map_err(|error| error::edit(py, error))?)
    }
}

/// Edits inside the open transaction, or in one of its own, whose number it returns: 0 if nothing changed.
pub(crate) fn write<E: From<EditError>>(
    doc: &mut Doc,
    now: u64,
    edit: impl FnOnce(&mut Doc) -> Result<(), E>,
) -> Result<Option<u64>, E> {
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
    /// Opens a transaction, or joins the open one; returns the receipt of all its changes.
    #[pyo3(signature = (origin=None))]
    fn begin(&self, py: Python<'_>, origin: Option<&str>) -> PyResult<Py<Write>> {
        let now = self.now(py)?;
        let begun = self.lock(py)?.doc_mut().begin(now, origin);
        begun.map_err(|error| error::edit(py, error))?;
        self.receipt(py)
    }

    /// Closes the transaction; the outermost one fills in the receipt.
    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        let committed = self.lock(py)?.doc_mut().commit();
        self.settle(py, committed.as_ref().ok().map(|last| last.unwrap_or_default()))?;
        committed.map(drop).map_err(|error| error::edit(py, error))
    }

    /// Takes back everything that the transaction wrote.
    fn rollback(&self, py: Python<'_>) -> PyResult<()> {
        self.lock(py)?.doc_mut().rollback();
        self.settle(py, None)
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

    /// The value of the register of a key below the path, or the default.
    fn get_child(&self, py: Python<'_>, path: &str, key: &str, default: Py<PyAny>) -> PyResult<Py<PyAny>> {
        let path = parse(py, path)?.child(key);
        let found = self.lock(py)?.doc().get(&path);
        found.map_or(Ok(default), |value| value::to_python(py, value))
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

    /// What stands at the path: register, map, set, counter, text, flag, list, bounded or nothing.
    fn kind(&self, py: Python<'_>, path: &str) -> PyResult<Option<&'static str>> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc().kind(&path).map(change::kind_name))
    }

    /// Sets a register; replaces what is at and below the path.
    fn set(&self, py: Python<'_>, path: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<Write>> {
        let (path, value) = (parse(py, path)?, value::from_python(value)?);
        self.write(py, |doc| doc.set(&path, value))
    }

    /// Sets the register of a key below the path.
    fn set_child(
        &self,
        py: Python<'_>,
        path: &str,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Write>> {
        let key = key.cast::<PyString>().map_err(|_| error::key(key))?;
        let (path, value) = (parse(py, path)?.child(key.to_str()?), value::from_python(value)?);
        self.write(py, |doc| doc.set(&path, value))
    }

    /// Deletes everything at and below a key below the path; raises `KeyError` if nothing is there.
    fn delete_child(&self, py: Python<'_>, path: &str, key: &Bound<'_, PyAny>) -> PyResult<Py<Write>> {
        let missing = || PyKeyError::new_err(key.clone().unbind());
        let text = key.cast::<PyString>().map_err(|_| missing())?;
        let path = parse(py, path)?.child(text.to_str()?);
        path.check().map_err(|error| error::path(py, error))?;
        let _turn = self.turn(py)?;
        if !self.lock(py)?.doc().contains(&path) {
            return Err(missing());
        }
        self.write(py, |doc| doc.delete(&path).map(drop))
    }

    /// Deletes everything at and below the path.
    fn delete(&self, py: Python<'_>, path: &str) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write(py, |doc| doc.delete(&path).map(drop))
    }

    /// Merges a value: dicts become nested maps, the rest registers.
    fn assign(&self, py: Python<'_>, path: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<Write>> {
        let (path, value) = (parse(py, path)?, value::from_python(value)?);
        self.write(py, |doc| doc.assign(&path, value))
    }

    /// Marks a map as existing even when it is empty.
    fn create_map(&self, py: Python<'_>, path: &str) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write(py, |doc| doc.create_map(&path))
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
        change::changes(py, taken)
    }
}
