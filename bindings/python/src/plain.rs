//! Plain JSON and CBOR, and the sizes of a document, in the class `Replica`.

use pyo3::{
    prelude::*,
    types::{IntoPyDict, PyBytes, PyDict},
};
use syncline::doc::{Doc, PlainError};

use crate::{
    doc::write,
    error,
    receipt::Write,
    replica::{Replica, parse},
};

#[pymethods]
impl Replica {
    /// What is at and below a path as JSON; `None` if there is nothing.
    fn to_json(&self, py: Python<'_>, path: &str) -> PyResult<Option<String>> {
        let path = parse(py, path)?;
        self.detached(py, |core| core.doc().to_json(&path))
    }

    /// What is at and below a path as CBOR; `None` if there is nothing.
    fn to_cbor<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let path = parse(py, path)?;
        let found = self.detached(py, |core| core.doc().to_cbor(&path))?;
        Ok(found.map(|bytes| PyBytes::new(py, &bytes)))
    }

    /// Writes JSON at and below a path.
    fn import_json(&self, py: Python<'_>, path: &str, json: &str) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write_plain(py, |doc| doc.import_json(&path, json))
    }

    /// Writes CBOR at and below a path.
    fn import_cbor(&self, py: Python<'_>, path: &str, cbor: &[u8]) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write_plain(py, |doc| doc.import_cbor(&path, cbor))
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

    /// Estimated bytes of memory by part.
    fn memory<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let memory = self.detached(py, |core| core.doc().memory())?;
        let parts = [
            ("keys", memory.keys),
            ("values", memory.values),
            ("log", memory.log),
            ("deletes", memory.deletes),
            ("version", memory.version),
        ];
        parts.into_py_dict(py)
    }
}

impl Replica {
    fn write_plain(
        &self,
        py: Python<'_>,
        edit: impl FnOnce(&mut Doc) -> Result<(), PlainError> + Send,
    ) -> PyResult<Py<Write>> {
        let _turn = self.turn(py)?;
        let now = self.now(py)?;
        let written = self.detached(py, |core| write(core.doc_mut(), now, edit))?;
        self.written(py, written.map_err(|error| error::plain(py, error))?)
    }
}
