//! Applying batches: events as they happened, from live frames and journals.

use super::Doc;
use super::change::Origin;
use super::state::Entry;
use crate::bounds;
use crate::clock::ReplicaId;
use crate::crdt::{Key, Kind, UpdateError, check_update};
use crate::delta::{Batch, Op, Span};

/// A batch was refused. Nothing of it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// Events before it are missing here.
    #[error("events of {writer} are missing: {have} are here, {needed} are needed; fetch what is missing first")]
    Gap {
        /// Whose events.
        writer: ReplicaId,
        /// How many are here.
        have: u64,
        /// How many must be.
        needed: u64,
    },
    /// This replica's own id was retired elsewhere, and it has events of its own.
    #[error(
        "the id {0} of this replica was retired: connect to the relay, which tells how to go on, or import into a new document"
    )]
    Retired(ReplicaId),
    /// What it builds on has retired ids that are not retired here.
    #[error("this replica has not heard of the horizon {needed} (it is at {have}); fetch what is missing first")]
    Horizon {
        /// The horizon here (ms since the Unix epoch).
        have: u64,
        /// The horizon that is needed.
        needed: u64,
    },
    /// A text update is malformed.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// An event removes dots that its writer cannot have seen.
    #[error("an event removes events later than itself: the data is damaged")]
    Span,
    /// A transaction is open here.
    #[error("a transaction is open: commit it or roll it back first")]
    InTransaction,
    /// The document has as many writers as it may have.
    #[error("the document has {max} writers, which is the limit", max = bounds::REPLICAS)]
    Writers,
}

impl Doc {
    /// Applies a batch. Returns the number of events that were new here; what is known already is passed over.
    ///
    /// # Errors
    /// [`ApplyError`], and then nothing is changed.
    pub fn apply(&mut self, batch: &Batch, origin: &Origin) -> Result<u64, ApplyError> {
        let known = self.state.seq_of(&batch.writer);
        if batch.ops.is_empty() || batch.last() <= known {
            return Ok(0);
        }
        self.admit(batch, known)?;
        let writer = self.state.intern(batch.writer);
        self.clock.observe(batch.hlc);
        let news = (known + 1 - batch.first) as usize;
        for (seq, op) in (known + 1..).zip(&batch.ops[news..]) {
            self.apply_op(op, batch, writer, seq);
        }
        if batch.writer == self.id {
            self.sealed.hand_out(batch.last());
        }
        self.emit_changes(origin);
        self.tidy();
        Ok(batch.ops.len() as u64 - news as u64)
    }

    fn admit(&self, batch: &Batch, known: u64) -> Result<(), ApplyError> {
        if self.in_transaction() {
            return Err(ApplyError::InTransaction);
        }
        if batch.first > known + 1 {
            return Err(ApplyError::Gap { writer: batch.writer, have: known, needed: batch.first - 1 });
        }
        if known == 0 && self.state.writers.len() >= bounds::REPLICAS {
            return Err(ApplyError::Writers);
        }
        for (seq, op) in (batch.first..).zip(&batch.ops) {
            op.removes.iter().try_for_each(|span| self.admit_span(span, batch, seq))?;
            if let Some(payload) = op.payload.as_ref().filter(|_| op.key.kind() == Kind::TEXT) {
                check_update(payload)?;
            }
        }
        Ok(())
    }

    /// What an event removes must have been seen here too, or it would come back when it arrives later.
    fn admit_span(&self, span: &Span, batch: &Batch, seq: u64) -> Result<(), ApplyError> {
        if span.replica == batch.writer {
            return if span.to < seq { Ok(()) } else { Err(ApplyError::Span) };
        }
        let have = self.state.seq_of(&span.replica);
        if span.to > have { Err(ApplyError::Gap { writer: span.replica, have, needed: span.to }) } else { Ok(()) }
    }

    fn apply_op(&mut self, op: &Op, batch: &Batch, writer: u32, seq: u64) {
        if !op.removes.is_empty() {
            self.remove_spans(op, batch.writer);
        }
        let place = match &op.payload {
            Some(payload) => {
                self.touch(&op.key, batch.writer);
                let (at, _) = self.state.leaves.place(&op.key);
                self.state.add(at, Entry { writer, seq, hlc: batch.hlc, payload: payload.clone() });
                #[cfg(feature = "text")]
                if op.key.is(Kind::TEXT) {
                    self.text_arrived(&op.key, payload);
                }
                at
            }
            None => self.state.add_delete(&op.key, writer, seq),
        };
        let own = &mut self.state.writers[writer as usize];
        own.seq = seq;
        own.log.push(seq, place);
    }

    /// Removes what an event by `by` removes: dots and delete records within its reach.
    fn remove_spans(&mut self, op: &Op, by: ReplicaId) {
        let removes = self.local_spans(&op.removes);
        let removed = |entry: &Entry| {
            removes.iter().any(|&(at, from, to)| at == entry.writer && (from..=to).contains(&entry.seq))
        };
        let (leaves, records) = self.reach(&op.key);
        for key in leaves {
            let Some(at) = self.state.leaves.find(key.as_bytes()) else { continue };
            self.touch(&key, by);
            let gone = self.state.remove(at, &removed, &mut |_, _| {});
            let written = op.payload.is_some() && key == op.key;
            // A write to a text removes dots only when it stands for them.
            if gone && !written {
                self.drop_text(&key);
            }
            if !written {
                self.state.leaves.vacate(at);
            }
        }
        for key in records {
            self.state.remove_deletes(&key, &removed, &mut |_, _| {});
        }
    }

    /// The leaves and the places of delete records that an event at `key` can remove from.
    fn reach(&self, key: &Key) -> (Vec<Key>, Vec<Key>) {
        if key.is(Kind::TREE) {
            let path = key.path_bytes();
            return (self.state.leaves.keys_below(path), self.state.deletes.keys_below(path));
        }
        (vec![key.clone()], vec![key.clone()])
    }

    fn local_spans(&self, spans: &[Span]) -> Vec<(u32, u64, u64)> {
        spans.iter().filter_map(|span| self.state.writer_at(&span.replica).map(|at| (at, span.from, span.to))).collect()
    }

    /// What is due after every change: sweeping the logs, and bounding the delete records.
    ///
    /// A peer below the floor is sent the list of all leaves. More delete records than leaves cost more than that list,
    /// so they are pruned.
    pub(super) fn tidy(&mut self) {
        const SPARE_RECORDS: usize = 1_024;
        if self.state.records() > self.state.leaves.len() + SPARE_RECORDS {
            let all = self.version();
            self.prune(&all);
        }
        self.state.sweep();
    }
}
