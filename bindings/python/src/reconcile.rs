//! The class `Session`: one end of a reconciliation between two documents.

use std::sync::Mutex;

use pyo3::{
    prelude::*,
    sync::MutexExt,
    types::{PyBytes, PyTuple},
};
use syncline::{
    clock::VersionVector,
    reconcile::{Finding, Session as Core},
};

use crate::{change, error, replica::Replica};

/// One end of a reconciliation. The document is handed in with every message.
#[pyclass(frozen, module = "syncline._syncline")]
pub(crate) struct Session {
    core: Mutex<Core>,
}

#[pymethods]
impl Session {
    /// Waits for a greeting. An audit goes on at `resume`, where the last one stopped.
    #[new]
    fn new(resume: u32) -> Self {
        Session { core: Mutex::new(Core::answer().resume_at(resume)) }
    }

    /// Begins instead of waiting; returns the greeting. `seed` is a number that others do not foresee.
    fn open<'py>(&self, py: Python<'py>, replica: &Replica, seed: u64) -> PyResult<Bound<'py, PyBytes>> {
        let (session, greeting) = replica.detached(py, |core| Core::open(core.doc(), seed, None))?;
        *self.core.lock_py_attached(py).map_err(|_| error::broken(py))? = session;
        Ok(PyBytes::new(py, &greeting))
    }

    /// Takes a message; returns what to send, if anything.
    fn handle<'py>(&self, py: Python<'py>, replica: &Replica, message: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let handled = replica.detached(py, |core| {
            let mut session = self.core.lock().ok()?;
            Some(core.reconcile(&mut session, message))
        })?;
        let answer = handled.ok_or_else(|| error::broken(py))?.map_err(|error| error::session(py, error))?;
        Ok(answer.map(|bytes| PyBytes::new(py, &bytes)))
    }

    /// Whether it is done, new events, dropped ones, findings as (path, replica, number, kind, action), and where the next
    /// audit goes on.
    fn outcome<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let session = self.core.lock_py_attached(py).map_err(|_| error::broken(py))?;
        let (done, outcome) = (session.is_done(), session.outcome().clone());
        drop(session);
        let findings = outcome.findings.iter().map(|it| finding(py, it)).collect::<PyResult<Vec<_>>>()?;
        (done, outcome.applied, outcome.dropped, findings, outcome.resume).into_pyobject(py)
    }
}

#[pymethods]
impl Replica {
    /// Forgets the records of deletions that all at a version have seen; returns how many.
    #[pyo3(signature = (stable=None))]
    fn prune(&self, py: Python<'_>, stable: Option<&[u8]>) -> PyResult<usize> {
        let stable = stable.map(VersionVector::decode).transpose().map_err(|error| error::version(py, error))?;
        self.detached(py, |core| {
            let stable = stable.unwrap_or_else(|| core.doc().version());
            core.doc_mut().prune(&stable)
        })
    }
}

fn finding<'py>(py: Python<'py>, finding: &Finding) -> PyResult<Bound<'py, PyTuple>> {
    let path = change::path(py, &finding.key.path())?;
    let (replica, seq) = (finding.dot.replica.to_string(), finding.dot.seq);
    (path, replica, seq, finding.kind.name(), finding.action.name()).into_pyobject(py)
}
