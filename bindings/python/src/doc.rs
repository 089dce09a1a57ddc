//! The document's part of the class `Replica`: transactions, reads, writes and the exchange of blobs.
//!
//! Paths arrive in the core's encoded form, positions of texts count code points. A write inside an open transaction
//! returns `None`; outside it is a transaction of its own and returns its sequence number, 0 if it changed nothing.

use pyo3::{
    prelude::*,
    types::{PyBytes, PyList, PyString, PyTuple},
};
use syncline::{
    clock::VersionVector,
    doc::{Doc, EditError},
};

use crate::{
    change, error,
    replica::{Replica, millis, parse},
    value,
};

impl Replica {
    pub(crate) fn write(
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
    #[pyo3(signature = (path, value, now=None))]
    fn set(&self, py: Python<'_>, path: &str, value: &Bound<'_, PyAny>, now: Option<u64>) -> PyResult<Option<u64>> {
        let (path, value) = (parse(py, path)?, value::from_python(value)?);
        self.write(py, now, |doc| doc.set(&path, value))
    }

    /// Sets the register of a key below the path.
    #[pyo3(signature = (path, key, value, now=None))]
    fn set_child(
        &self,
        py: Python<'_>,
        path: &str,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        now: Option<u64>,
    ) -> PyResult<Option<u64>> {
        let key = key.cast::<PyString>().map_err(|_| error::key(key))?;
        let (path, value) = (parse(py, path)?.child(key.to_str()?), value::from_python(value)?);
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
