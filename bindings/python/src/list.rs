//! Lists in the class `Replica`.

use pyo3::prelude::*;

use crate::{
    receipt::Write,
    replica::{Replica, parse},
    value,
};

#[pymethods]
impl Replica {
    /// The number of items of a list.
    fn list_len(&self, py: Python<'_>, path: &str) -> PyResult<usize> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc_mut().list_len(&path))
    }

    /// The value of the item at an index, or the default.
    #[pyo3(signature = (path, index, default=None))]
    fn list_get(&self, py: Python<'_>, path: &str, index: usize, default: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let path = parse(py, path)?;
        let found = self.lock(py)?.doc_mut().list_get(&path, index);
        match found {
            Some(value) => value::to_python(py, value),
            None => Ok(default.unwrap_or_else(|| py.None())),
        }
    }

    /// The values of a list, without what is nested in its items.
    fn list_values(&self, py: Python<'_>, path: &str) -> PyResult<Py<PyAny>> {
        let path = parse(py, path)?;
        let values = self.detached(py, |core| core.doc().list_values(&path))?;
        value::list(py, values)
    }

    /// The ids of the items of a list.
    fn list_ids(&self, py: Python<'_>, path: &str) -> PyResult<Vec<String>> {
        let path = parse(py, path)?;
        self.detached(py, |core| core.doc().list_ids(&path))
    }

    /// The index of the item with an id.
    fn list_index(&self, py: Python<'_>, path: &str, id: &str) -> PyResult<Option<usize>> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc_mut().list_index(&path, id))
    }

    /// Inserts a value before the item at an index.
    fn list_insert(&self, py: Python<'_>, path: &str, index: usize, value: &Bound<'_, PyAny>) -> PyResult<Py<Write>> {
        let (path, value) = (parse(py, path)?, value::from_python(value)?);
        self.write(py, |doc| doc.list_insert(&path, index, value).map(drop))
    }

    /// Appends a value to a list.
    fn list_push(&self, py: Python<'_>, path: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<Write>> {
        let (path, value) = (parse(py, path)?, value::from_python(value)?);
        self.write(py, |doc| doc.list_push(&path, value).map(drop))
    }

    /// Sets the value of the item at an index.
    fn list_set(&self, py: Python<'_>, path: &str, index: usize, value: &Bound<'_, PyAny>) -> PyResult<Py<Write>> {
        let (path, value) = (parse(py, path)?, value::from_python(value)?);
        self.write(py, |doc| doc.list_set(&path, index, value))
    }

    /// Deletes the item at an index.
    fn list_delete(&self, py: Python<'_>, path: &str, index: usize) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write(py, |doc| doc.list_delete(&path, index))
    }

    /// Moves an item to where it has the index `to` afterwards.
    fn list_move(&self, py: Python<'_>, path: &str, index: usize, to: usize) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write(py, |doc| doc.list_move(&path, index, to))
    }
}
