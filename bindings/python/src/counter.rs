//! Counters and bounded counters in the class `Replica`.

use pyo3::{prelude::*, types::PyBytes};
use syncline::clock::{ReplicaId, VersionVector};

use crate::{
    error,
    receipt::Write,
    replica::{Replica, parse},
};

fn replica_id(text: &str) -> PyResult<ReplicaId> {
    text.parse().map_err(error::replica_id)
}

#[pymethods]
impl Replica {
    /// The sum of a counter.
    fn counter(&self, py: Python<'_>, path: &str) -> PyResult<i64> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc().counter(&path))
    }

    /// Adds to a counter.
    fn counter_add(&self, py: Python<'_>, path: &str, by: i64) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write(py, |doc| doc.counter_add(&path, by))
    }

    /// Adds to a counter; a negative amount is refused.
    fn counter_grow(&self, py: Python<'_>, path: &str, by: i64) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write(py, |doc| doc.counter_grow(&path, by))
    }

    /// Resets a counter to zero, as far as it was seen.
    fn counter_reset(&self, py: Python<'_>, path: &str) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write(py, |doc| doc.counter_reset(&path).map(drop))
    }

    /// Folds the own steps of counters that all these versions have seen; nothing if there are none.
    fn fold(&self, py: Python<'_>, versions: Vec<Bound<'_, PyBytes>>) -> PyResult<Py<Write>> {
        let mut stable: Option<VersionVector> = None;
        for version in versions {
            let version = VersionVector::decode(version.as_bytes()).map_err(|error| error::version(py, error))?;
            stable = Some(stable.map_or_else(|| version.clone(), |stable| stable.meet(&version)));
        }
        let stable = stable.unwrap_or_default();
        self.write(py, |doc| doc.fold(&stable.meet(&doc.version())).map(drop))
    }

    /// The value of a bounded counter.
    fn bounded(&self, py: Python<'_>, path: &str) -> PyResult<i64> {
        let path = parse(py, path)?;
        Ok(self.lock(py)?.doc().bounded(&path))
    }

    /// What a replica may take from a bounded counter.
    fn bounded_rights(&self, py: Python<'_>, path: &str, replica: &str) -> PyResult<u64> {
        let (path, replica) = (parse(py, path)?, replica_id(replica)?);
        Ok(self.lock(py)?.doc().bounded_rights(&path, replica))
    }

    /// Makes a bounded counter.
    fn bounded_create(&self, py: Python<'_>, path: &str, bound: i64) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write(py, |doc| doc.bounded_create(&path, bound))
    }

    /// Adds to a bounded counter.
    fn bounded_add(&self, py: Python<'_>, path: &str, by: u64) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write(py, |doc| doc.bounded_add(&path, by))
    }

    /// Takes from a bounded counter.
    fn bounded_sub(&self, py: Python<'_>, path: &str, by: u64) -> PyResult<Py<Write>> {
        let path = parse(py, path)?;
        self.write(py, |doc| doc.bounded_sub(&path, by))
    }

    /// Gives rights on a bounded counter to another replica.
    fn bounded_transfer(&self, py: Python<'_>, path: &str, to: &str, by: u64) -> PyResult<Py<Write>> {
        let (path, to) = (parse(py, path)?, replica_id(to)?);
        self.write(py, |doc| doc.bounded_transfer(&path, to, by))
    }

    /// Takes over all rights of a replica that has ended.
    fn bounded_adopt(&self, py: Python<'_>, path: &str, replica: &str) -> PyResult<Py<Write>> {
        let (path, replica) = (parse(py, path)?, replica_id(replica)?);
        self.write(py, |doc| doc.bounded_adopt(&path, replica).map(drop))
    }
}
