//! Sets and flags in the class `Replica`: each with its kind by name.

use pyo3::{exceptions::PyValueError, prelude::*};
use syncline::crdt::{FlagKind, SetKind};

use crate::{
    receipt::Write,
    replica::{Replica, parse},
    value,
};

fn set_kind(name: &str) -> PyResult<SetKind> {
    Ok(match name {
        "add-wins" => SetKind::AddWins,
        "remove-wins" => SetKind::RemoveWins,
        "last-writer-wins" => SetKind::LastWriterWins,
        "grow-only" => SetKind::GrowOnly,
        "two-phase" => SetKind::TwoPhase,
        other => {
            return Err(PyValueError::new_err(format!(
                "{other:?} is no kind of set: use 'add-wins', 'remove-wins', 'last-writer-wins', 'grow-only' or 'two-phase'"
            )));
        }
    })
}

fn flag_kind(wins: &str) -> PyResult<FlagKind> {
    match wins {
        "enable" => Ok(FlagKind::EnableWins),
        "disable" => Ok(FlagKind::DisableWins),
        other => Err(PyValueError::new_err(format!("{other:?} cannot win in a flag: use 'enable' or 'disable'"))),
    }
}

#[pymethods]
impl Replica {
    /// Whether the set has this element.
    fn set_contains(&self, py: Python<'_>, path: &str, kind: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (path, kind, value) = (parse(py, path)?, set_kind(kind)?, value::from_python(value)?);
        Ok(self.lock(py)?.doc().set_contains_as(&path, kind, &value))
    }

    /// The elements of a set, in the order of their encoding.
    fn set_elements(&self, py: Python<'_>, path: &str, kind: &str) -> PyResult<Py<PyAny>> {
        let (path, kind) = (parse(py, path)?, set_kind(kind)?);
        let elements = self.lock(py)?.doc().set_elements_as(&path, kind);
        value::list(py, elements)
    }

    /// The number of elements of a set.
    fn set_len(&self, py: Python<'_>, path: &str, kind: &str) -> PyResult<usize> {
        let (path, kind) = (parse(py, path)?, set_kind(kind)?);
        Ok(self.lock(py)?.doc().set_len_as(&path, kind))
    }

    /// Adds an element to a set.
    fn set_add(&self, py: Python<'_>, path: &str, kind: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<Write>> {
        let (path, kind, value) = (parse(py, path)?, set_kind(kind)?, value::from_python(value)?);
        self.write(py, |doc| doc.set_add_as(&path, kind, value).map(drop))
    }

    /// Removes an element from a set.
    fn set_remove(&self, py: Python<'_>, path: &str, kind: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<Write>> {
        let (path, kind, value) = (parse(py, path)?, set_kind(kind)?, value::from_python(value)?);
        self.write(py, |doc| doc.set_remove_as(&path, kind, &value).map(drop))
    }

    /// The truth of a flag.
    fn flag(&self, py: Python<'_>, path: &str, wins: &str) -> PyResult<bool> {
        let (path, kind) = (parse(py, path)?, flag_kind(wins)?);
        Ok(self.lock(py)?.doc().flag(&path, kind))
    }

    /// Sets a flag.
    fn flag_set(&self, py: Python<'_>, path: &str, wins: &str, truth: bool) -> PyResult<Py<Write>> {
        let (path, kind) = (parse(py, path)?, flag_kind(wins)?);
        self.write(py, |doc| doc.flag_set(&path, kind, truth))
    }
}
