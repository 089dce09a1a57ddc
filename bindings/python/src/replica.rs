//! The class `Replica`: a document, and the conversation with a relay about it.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use pyo3::{
    IntoPyObjectExt,
    prelude::*,
    sync::MutexExt,
    types::{PyTuple, PyWeakrefMethods, PyWeakrefReference},
};
use syncline::{
    clock::ReplicaId,
    crdt::{Path, Value},
    doc::Doc,
    replica::{AckLevel, Input, Output, PresenceChange, Replica as Core, ReplicaConfig, Status},
};

use crate::{
    change, error,
    receipt::Write,
    register,
    turn::{Held, Turn},
    value,
};

/// Names the program towards the relay.
const AGENT: &str = concat!("syncline-python/", env!("CARGO_PKG_VERSION"));

/// A document and its conversation with a relay; without a connection just the document.
#[pyclass(frozen, module = "syncline._syncline")]
pub(crate) struct Replica {
    core: Mutex<Core>,
    turn: Py<Turn>,
    /// The `Doc`, which owns this object: `_committed` is called on it after a change if it watches, and `_now` if it
    /// has a clock of its own.
    owner: Option<Py<PyWeakrefReference>>,
    clock: bool,
    watched: AtomicBool,
    /// The receipt of the open transaction.
    open: Mutex<Option<Py<Write>>>,
    /// How often it has taken another id.
    renewals: AtomicUsize,
}

impl Replica {
    /// Waits until no other thread is inside a transaction or in the middle of a change.
    pub(crate) fn turn(&self, py: Python<'_>) -> PyResult<Held<'_>> {
        self.turn.get().hold(py)
    }

    /// The time of the owner's clock, or the system's.
    pub(crate) fn now(&self, py: Python<'_>) -> PyResult<u64> {
        let own = if self.clock { self.ask(py, "_now")? } else { None };
        own.map_or_else(|| Ok(millis(None)), |now| now.extract())
    }

    /// Tells the owner of a change, if it watches, and makes the receipt. Inside a transaction nothing is told, and
    /// there is one receipt.
    pub(crate) fn written(&self, py: Python<'_>, seq: Option<u64>) -> PyResult<Py<Write>> {
        let Some(seq) = seq else { return self.receipt(py) };
        if self.watched.load(Ordering::Relaxed) {
            self.ask(py, "_committed")?;
        }
        Write::committed(py, seq, self.renewals.load(Ordering::Relaxed))
    }

    /// The receipt of the open transaction.
    pub(crate) fn receipt(&self, py: Python<'_>) -> PyResult<Py<Write>> {
        let mut open = self.open();
        match &*open {
            Some(write) => Ok(write.clone_ref(py)),
            None => Ok(open.insert(Write::open(py)?).clone_ref(py)),
        }
    }

    /// Fills in the receipt if the transaction has ended: with its number, or nothing after a rollback.
    pub(crate) fn settle(&self, py: Python<'_>, seq: Option<u64>) -> PyResult<()> {
        if self.lock(py)?.doc().in_transaction() {
            return Ok(());
        }
        if let Some(write) = self.open().take() {
            write.get().settle(seq, self.renewals.load(Ordering::Relaxed));
        }
        Ok(())
    }

    fn open(&self) -> MutexGuard<'_, Option<Py<Write>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls a method of the owner, unless that is gone.
    fn ask<'py>(&self, py: Python<'py>, method: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let owner = self.owner.as_ref().and_then(|owner| owner.bind(py).upgrade());
        owner.map(|owner| owner.call_method0(method)).transpose()
    }

    /// Waits for the replica with the interpreter released, then holds both.
    pub(crate) fn lock<'a>(&'a self, py: Python<'_>) -> PyResult<MutexGuard<'a, Core>> {
        refuse_resolvers(py)?;
        self.core.lock_py_attached(py).map_err(|_| error::broken(py))
    }

    /// Runs work whose cost grows with the document, with the interpreter released.
    pub(crate) fn detached<R: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut Core) -> R + Send) -> PyResult<R> {
        refuse_resolvers(py)?;
        py.detach(|| self.core.lock().ok().map(|mut core| work(&mut core))).ok_or_else(|| error::broken(py))
    }

    fn input(&self, py: Python<'_>, input: Input<'_>, now: Option<u64>) -> PyResult<()> {
        self.lock(py)?.handle(input, millis(now));
        Ok(())
    }
}

#[pymethods]
impl Replica {
    #[new]
    #[pyo3(signature = (replica, owner=None, clock=false))]
    fn new(py: Python<'_>, replica: &str, owner: Option<&Bound<'_, PyAny>>, clock: bool) -> PyResult<Self> {
        let id: ReplicaId = replica.parse().map_err(error::replica_id)?;
        let config = ReplicaConfig { room: String::new(), agent: AGENT.to_owned(), token: None, seed: 0 };
        Ok(Replica {
            core: Mutex::new(Core::new(config, Doc::new(id))),
            turn: Py::new(py, Turn::default())?,
            owner: owner.map(|owner| PyWeakrefReference::new(owner).map(Bound::unbind)).transpose()?,
            clock,
            watched: AtomicBool::new(false),
            open: Mutex::new(None),
            renewals: AtomicUsize::new(0),
        })
    }

    /// The lock that writes take; whoever holds it keeps other threads from writing.
    #[getter(turn)]
    fn shared_turn(&self, py: Python<'_>) -> Py<Turn> {
        self.turn.clone_ref(py)
    }

    /// Says whether the owner wants to be told of each change.
    fn watch(&self, on: bool) {
        self.watched.store(on, Ordering::Relaxed);
    }

    /// How often the replica had taken another id when a change was made; without one, up to now.
    #[pyo3(signature = (write=None))]
    fn renewals(&self, write: Option<&Bound<'_, Write>>) -> usize {
        write.map_or_else(|| self.renewals.load(Ordering::Relaxed), |write| write.get().renewals())
    }

    /// The id of this replica: 32 hexadecimal digits.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.lock(py)?.doc().id().to_string())
    }

    /// Names the room to join and what to say there, for the next connection.
    #[pyo3(signature = (room, token=None, seed=0))]
    fn configure(&self, py: Python<'_>, room: String, token: Option<String>, seed: u64) -> PyResult<()> {
        let mut core = self.lock(py)?;
        core.configure(ReplicaConfig { room, agent: AGENT.to_owned(), token, seed });
        Ok(())
    }

    /// Turns the journal outputs of `poll` on or off.
    fn journaling(&self, py: Python<'_>, on: bool) -> PyResult<()> {
        self.lock(py)?.journaling(on);
        Ok(())
    }

    /// Turns the connection on or off; a new replica starts off.
    #[pyo3(signature = (on, now=None))]
    fn handle_online(&self, py: Python<'_>, on: bool, now: Option<u64>) -> PyResult<()> {
        self.input(py, Input::Online(on), now)
    }

    /// Says that the transport asked for by `poll` is open.
    #[pyo3(signature = (now=None))]
    fn handle_connected(&self, py: Python<'_>, now: Option<u64>) -> PyResult<()> {
        self.input(py, Input::Connected, now)
    }

    /// Hands in one binary message of the transport.
    #[pyo3(signature = (frame, now=None))]
    fn handle_frame(&self, py: Python<'_>, frame: &[u8], now: Option<u64>) -> PyResult<()> {
        let now = millis(now);
        self.detached(py, |core| core.handle(Input::Frame(frame), now))
    }

    /// Says that the transport closed, or could not be opened, with its close code.
    #[pyo3(signature = (code, now=None))]
    fn handle_disconnected(&self, py: Python<'_>, code: u16, now: Option<u64>) -> PyResult<()> {
        self.input(py, Input::Disconnected { code }, now)
    }

    /// Sets what the others in the room see of this client; nothing takes it back.
    #[pyo3(signature = (present, state=None, now=None))]
    fn handle_presence(
        &self,
        py: Python<'_>,
        present: bool,
        state: Option<&Bound<'_, PyAny>>,
        now: Option<u64>,
    ) -> PyResult<()> {
        let value = state.map_or(Ok(Value::Null), value::from_python)?;
        self.input(py, Input::Presence(present.then_some(&value)), now)
    }

    /// Takes a fresh token: a relay that is connected is told at once, others at the next connection.
    #[pyo3(signature = (token=None))]
    fn set_token(&self, py: Python<'_>, token: Option<String>) -> PyResult<()> {
        self.lock(py)?.set_token(token);
        Ok(())
    }

    /// Says that the time named by the last `idle` output has come.
    #[pyo3(signature = (now=None))]
    fn handle_tick(&self, py: Python<'_>, now: Option<u64>) -> PyResult<()> {
        self.input(py, Input::Tick, now)
    }

    /// Takes the next output as a tuple that starts with its name; `("idle", deadline)` is the last one.
    #[pyo3(signature = (now=None))]
    fn poll<'py>(&self, py: Python<'py>, now: Option<u64>) -> PyResult<Bound<'py, PyTuple>> {
        let now = millis(now);
        let output = self.detached(py, |core| core.poll(now))?;
        if matches!(output, Output::Renewed { .. }) {
            self.renewals.fetch_add(1, Ordering::Relaxed);
        }
        output_tuple(py, output)
    }

    /// The status as (state, unsaved, retry_at, relay).
    fn status(&self, py: Python<'_>) -> PyResult<(String, u64, Option<u64>, Option<String>)> {
        Ok(status_tuple(self.lock(py)?.status()))
    }

    /// The highest own sequence number up to which everything has reached this level.
    fn acked(&self, py: Python<'_>, level: &str) -> PyResult<u64> {
        let level = match level {
            "accepted" => AckLevel::Accepted,
            "stored" => AckLevel::Stored,
            "durable" => AckLevel::Durable,
            other => return Err(error::ack_level(other)),
        };
        Ok(self.lock(py)?.acked(level))
    }
}

/// A resolver runs in the middle of a read: to use a document there would wait for itself.
fn refuse_resolvers(py: Python<'_>) -> PyResult<()> {
    if register::is_resolving() { Err(error::resolving(py)) } else { Ok(()) }
}

/// Makes the id of a new replica from its time of birth in milliseconds and 16 random bytes.
#[pyfunction]
pub(crate) fn new_replica_id(birth_ms: u64, random: [u8; 16]) -> String {
    ReplicaId::new(birth_ms, u128::from_le_bytes(random)).to_string()
}

/// The given time, or the system's, in milliseconds since the Unix epoch.
pub(crate) fn millis(now: Option<u64>) -> u64 {
    let system = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    now.unwrap_or_else(system)
}

/// Parses an encoded path.
pub(crate) fn parse(py: Python<'_>, encoded: &str) -> PyResult<Path> {
    Path::parse(encoded).map_err(|error| error::path(py, error))
}

fn output_tuple<'py>(py: Python<'py>, output: Output) -> PyResult<Bound<'py, PyTuple>> {
    match output {
        Output::Connect => ("connect",).into_pyobject(py),
        Output::Disconnect => ("disconnect",).into_pyobject(py),
        Output::Send(frame) => ("send", bytes(py, &frame)).into_pyobject(py),
        Output::Journal(entry) => ("journal", bytes(py, &entry)).into_pyobject(py),
        Output::Changes(list) => ("changes", change::changes(py, list)?).into_pyobject(py),
        Output::Acked { level, seq } => ("acked", level.to_string(), seq).into_pyobject(py),
        Output::Renewed { from, taken, to } => ("renewed", from.to_string(), taken, to.to_string()).into_pyobject(py),
        Output::Presence(list) => {
            let list = list.into_iter().map(|change| presence(py, change)).collect::<PyResult<Vec<_>>>()?;
            ("presence", list).into_pyobject(py)
        }
        Output::Status(status) => ("status", status_tuple(status)).into_pyobject(py),
        Output::Error(remote) => ("error", remote.code.name(), remote.message, remote.temporary).into_pyobject(py),
        Output::Idle(deadline) => ("idle", deadline).into_pyobject(py),
        _ => ("unknown",).into_pyobject(py),
    }
}

fn bytes<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, pyo3::types::PyBytes> {
    pyo3::types::PyBytes::new(py, bytes)
}

/// (client, present, state)
fn presence(py: Python<'_>, change: PresenceChange) -> PyResult<(String, bool, Py<PyAny>)> {
    let present = change.state.is_some();
    let state = value::to_python(py, change.state.unwrap_or(Value::Null))?;
    Ok((change.client.to_string(), present, state.into_py_any(py)?))
}

fn status_tuple(status: Status) -> (String, u64, Option<u64>, Option<String>) {
    (format!("{:?}", status.state).to_lowercase(), status.unsaved, status.retry_at, status.relay)
}
