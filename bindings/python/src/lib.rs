//! The extension module `syncline._syncline`: the core's replica and values for Python.
//!
//! It converts arguments, results and errors and adds no behaviour of its own. What Python programs see
//! (mappings, sets, clients, storage) is written in Python on top of it.
//!
//! | file | what it exports |
//! |---|---|
//! | `replica` | the class `Replica`: inputs, outputs and status of the core's front door |
//! | `doc` | the document's part of `Replica`: transactions, reads, writes, exchange |
//! | `sets`, `counter`, `list`, `register`, `text` | the containers of these kinds, also as methods of `Replica` |
//! | `stream`, `undo`, `plain` | streams and net changes, going back, JSON and CBOR: more methods of it |
//! | `reconcile` | the class `Session`; pruning |
//! | `turn`, `receipt` | the classes `Turn`, the lock of a document, and `Write`, the receipt of a change |
//! | `change` | what happened, as tuples |
//! | `call` | the function `decide`, the class `Machine` |
//! | `value` | values both ways; the class `Timestamp` |
//! | `vector` | the class `Vector` |
//! | `error` | the core's errors as the named exceptions of `syncline.errors` |
//!
//! The replica sits behind a mutex, so it can be used from any thread. No Python code runs while the mutex is held:
//! arguments are converted before, results after. Calls whose cost grows with the document release the interpreter.
//! A write also takes the document's `Turn`, which transactions and callbacks hold from Python, and calls back only if
//! somebody watches: so it costs one call from Python.

mod call;
mod change;
mod counter;
mod doc;
mod error;
mod list;
mod plain;
mod receipt;
mod reconcile;
mod register;
mod replica;
mod sets;
mod stream;
mod text;
mod turn;
mod undo;
mod value;
mod vector;

use pyo3::prelude::*;

/// The native part of Syncline; use the package `syncline` instead.
#[pymodule]
mod _syncline {
    #[pymodule_export]
    use super::{
        call::{Machine, decide},
        receipt::Write,
        reconcile::Session,
        replica::{Replica, new_replica_id},
        turn::Turn,
        value::Timestamp,
        vector::Vector,
    };

    #[pymodule_export]
    const VERSION: &str = syncline::VERSION;
}
