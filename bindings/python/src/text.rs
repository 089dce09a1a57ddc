//! Texts in the class `Replica`. Positions count code points.

use pyo3::{exceptions::PyTypeError, prelude::*, types::PyBytes};
use syncline::crdt::{Assoc, Attributes, TextUnit, Value};

use crate::{
    change, error,
    receipt::Write,
    replica::{Replica, parse},
    value,
};

const UNIT: TextUnit = TextUnit::CodePoint;

fn attributes(object: &Bound<'_, PyAny>) -> PyResult<Attributes> {
    match value::from_python(object)? {
        Value::Map(attributes) => Ok(attributes),
        _ => Err(PyTypeError::new_err("attributes of a text are a dict from name to scalar")),
    }
}

#[pymethods]
impl Replica {
    /// The whole text.
    fn text(&self, py: Python<'_>, path: &str) -> PyResult<String> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc_mut().text(&path))
    }

    /// The length of a text in code points.
    fn text_len(&self, py: Python<'_>, path: &str) -> PyResult<usize> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc_mut().text_len(&path, UNIT))
    }

    /// Inserts into a text at a position in code points; with attributes, the insertion has just these.
    #[pyo3(signature = (path, index, text, attributes=None))]
    fn text_insert(
        &self,
        py: Python<'_>,
        path: &str,
        index: usize,
        text: &str,
        attributes: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Write>> {
        let (path, marks) = (parse(py, path)?, attributes.map(self::attributes).transpose()?);
        self.write(py, |doc| match &marks {
            Some(marks) => doc.text_insert_with(&path, index, text, marks, UNIT),
            None => doc.text_insert(&path, index, text, UNIT),
        })
    }

    /// Deletes code points from a text.
    fn text_delete(&self, py: Python<'_>, path: &str, index: usize, length: usize) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write(py, |doc| doc.text_delete(&path, index, length, UNIT))
    }

    /// Gives attributes to a range of a text; `None` as a value takes one away.
    fn text_format(
        &self,
        py: Python<'_>,
        path: &str,
        index: usize,
        length: usize,
        attributes: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Write>> {
        let (path, marks) = (parse(py, path)?, self::attributes(attributes)?);
        self.write(py, |doc| doc.text_format(&path, index, length, &marks, UNIT))
    }

    /// The parts of a text with equal attributes, as (text, attributes).
    fn text_runs(&self, py: Python<'_>, path: &str) -> PyResult<Vec<(String, Py<PyAny>)>> {
        let path = parse(py, path)?;
        let runs = self.lock(py)?.doc_mut().text_runs(&path);
        runs.into_iter().map(|run| Ok((run.text, change::attributes(py, run.attributes)?))).collect()
    }

    /// A cursor at a position, which clings to the character `before` it or to the one behind.
    fn text_cursor<'py>(
        &self,
        py: Python<'py>,
        path: &str,
        index: usize,
        before: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let path = parse(py, path)?;
        let assoc = if before { Assoc::Before } else { Assoc::After };
        let cursor = self.lock(py)?.doc_mut().text_cursor(&path, index, UNIT, assoc);
        Ok(PyBytes::new(py, &cursor.map_err(|error| error::edit(py, error))?))
    }

    /// Where a cursor is now; `None` if its character is not known here.
    fn text_cursor_index(&self, py: Python<'_>, path: &str, cursor: &[u8]) -> PyResult<Option<usize>> {
        let path = parse(py, path)?;
        let index = self.lock(py)?.doc_mut().text_cursor_index(&path, cursor, UNIT);
        index.map_err(|error| error::cursor(py, error))
    }
}
