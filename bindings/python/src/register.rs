//! What registers show of concurrent values, in the class `Replica`: siblings, policies, conflicts, packed vectors.

use std::cell::Cell;

use pyo3::{prelude::*, types::PyTuple};
use syncline::{
    crdt::{Policy, Sibling, Value},
    doc::Resolver,
};

use crate::{
    change, error,
    receipt::Write,
    replica::{Replica, parse},
    value,
    vector::Vector,
};

thread_local! {
    /// Whether this thread is inside a resolver, where the replica is in use.
    static RESOLVING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a function that picks one of several values.
pub(crate) fn is_resolving() -> bool {
    RESOLVING.get()
}

#[pymethods]
impl Replica {
    /// All concurrent values of the register, newest first.
    fn siblings(&self, py: Python<'_>, path: &str) -> PyResult<Py<PyAny>> {
        let path = parse(py, path)?;
        let found = self.lock(py)?.doc().siblings(&path);
        value::list(py, found)
    }

    /// All concurrent values of the register with who wrote them: (value, replica, number, milliseconds, source).
    fn siblings_with_origin<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let path = parse(py, path)?;
        let found = self.lock(py)?.doc().siblings_with_origin(&path);
        change::siblings(py, found)
    }

    /// What the policy makes of the values: `("absent", None)`, `("value", it)`, `("all", list)` or
    /// `("error", exception)`.
    fn resolve(&self, py: Python<'_>, path: &str) -> PyResult<(&'static str, Py<PyAny>)> {
        let path = parse(py, path)?;
        let resolved = self.lock(py)?.doc().resolve(&path);
        change::resolution(py, resolved)
    }

    /// Takes the conflicts that arose since the last time, as (path, siblings, resolution).
    fn take_conflicts<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let taken = self.lock(py)?.doc_mut().take_conflicts();
        taken.into_iter().map(|conflict| change::conflict(py, conflict)).collect()
    }

    /// Makes a function known to custom policies; it gets a list as of `siblings_with_origin` and returns an index.
    fn register_resolver(&self, py: Python<'_>, name: &str, function: Py<PyAny>) -> PyResult<()> {
        self.lock(py)?.doc_mut().register_resolver(name, resolver(function));
        Ok(())
    }

    /// The policy that counts at a path: its name, then what belongs to it.
    fn policy(&self, py: Python<'_>, path: &str) -> PyResult<Py<PyAny>> {
        let path = parse(py, path)?;
        let policy = self.lock(py)?.doc().policy(&path);
        value::to_python(py, policy.to_value())
    }

    /// Sets the policy at and below a path, as `policy` returns it; `None` takes back what was set for this path.
    fn set_policy(&self, py: Python<'_>, path: &str, policy: Option<Vec<String>>) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        let Some(texts) = policy else {
            return self.write(py, |doc| doc.clear_policy(&path).map(drop));
        };
        let value = Value::List(texts.into_iter().map(Value::Str).collect());
        let policy = Policy::from_value(value.clone());
        if policy.to_value() != value {
            return Err(error::policy());
        }
        self.write(py, |doc| doc.set_policy(&path, &policy))
    }

    /// Names the source of what this replica writes; written with the next change.
    fn set_source(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let named = self.lock(py)?.doc_mut().set_source(name);
        named.map_err(|error| error::edit(py, error))
    }

    /// The source that a replica has named.
    fn source(&self, py: Python<'_>, replica: &str) -> PyResult<Option<String>> {
        let replica = replica.parse().map_err(error::replica_id)?;
        Ok(self.lock(py)?.doc().source(replica))
    }

    /// The packed vector at a path, copied once out of the document; `None` if there is another value.
    fn vector(&self, py: Python<'_>, path: &str) -> PyResult<Option<Vector>> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc().vector_bytes(&path).map(Vector::from_le_bytes))
    }
}

/// Wraps a Python function. What it raises, and what is no index, picks no value.
fn resolver(function: Py<PyAny>) -> Resolver {
    Box::new(move |siblings| {
        let outer = RESOLVING.replace(true);
        let picked = Python::attach(|py| pick(py, &function, siblings));
        RESOLVING.set(outer);
        picked.unwrap_or(usize::MAX)
    })
}

fn pick(py: Python<'_>, function: &Py<PyAny>, siblings: &[Sibling]) -> PyResult<usize> {
    let siblings = change::siblings(py, siblings.to_vec())?;
    function.call1(py, (siblings,))?.extract(py)
}
