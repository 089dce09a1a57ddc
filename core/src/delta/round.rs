//! Rounds of retirement and handovers, as they are stored and sent.

use super::live::read_id;
use crate::bounds;
use crate::bytes::{DecodeError, Reader, Writer};
use crate::clock::{Handover, ReplicaId};

/// How far a round has come at one durable member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoundStep {
    /// The member holds exactly what the round counts, and lets nobody add to it.
    #[default]
    Promised,
    /// All members have promised: the ids are retired.
    Committed,
    /// The round came to nothing.
    Dropped,
}

/// A round in which the durable members retire ids: all that were born before `horizon`, but for those kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// How far it has come.
    pub step: RoundStep,
    /// The new horizon (ms since the Unix epoch). No two rounds have the same.
    pub horizon: u64,
    /// Ids born before it that are still in use.
    pub keep: Vec<ReplicaId>,
    /// The others that have written, each with the number of its last event.
    pub finals: Vec<(ReplicaId, u64)>,
}

impl Round {
    /// The number that the round counts for an id; 0 if it does not name it.
    pub fn agreed(&self, id: &ReplicaId) -> u64 {
        self.finals.iter().find(|(other, _)| other == id).map_or(0, |(_, seq)| *seq)
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.byte(self.step as u8);
        out.varint(self.horizon);
        write_ids(out, &self.keep);
        write_finals(out, &self.finals);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let step = match reader.byte()? {
            0 => RoundStep::Promised,
            1 => RoundStep::Committed,
            2 => RoundStep::Dropped,
            _ => return Err(DecodeError::Range("step of a round")),
        };
        Ok(Round { step, horizon: reader.varint()?, keep: read_ids(reader)?, finals: read_finals(reader)? })
    }
}

pub(crate) fn write_ids(out: &mut Writer, ids: &[ReplicaId]) {
    out.varint(ids.len() as u64);
    ids.iter().for_each(|id| out.bytes(id.as_bytes()));
}

pub(crate) fn read_ids(reader: &mut Reader<'_>) -> Result<Vec<ReplicaId>, DecodeError> {
    let count = reader.count(16, bounds::REPLICAS)?;
    (0..count).map(|_| read_id(reader)).collect()
}

fn write_finals(out: &mut Writer, finals: &[(ReplicaId, u64)]) {
    out.varint(finals.len() as u64);
    for (id, seq) in finals {
        out.bytes(id.as_bytes());
        out.varint(*seq);
    }
}

fn read_finals(reader: &mut Reader<'_>) -> Result<Vec<(ReplicaId, u64)>, DecodeError> {
    let count = reader.count(17, bounds::REPLICAS)?;
    let mut finals = Vec::with_capacity(count);
    for _ in 0..count {
        let (id, seq) = (read_id(reader)?, reader.varint()?);
        if seq > bounds::SEQUENCE {
            return Err(DecodeError::Range("sequence number"));
        }
        finals.push((id, seq));
    }
    Ok(finals)
}

pub(super) fn write_handover(out: &mut Writer, handover: &Handover) {
    out.bytes(handover.from.as_bytes());
    out.varint(handover.taken);
    out.bytes(handover.heir.as_bytes());
}

pub(super) fn read_handover(reader: &mut Reader<'_>) -> Result<Handover, DecodeError> {
    Ok(Handover { from: read_id(reader)?, taken: reader.varint()?, heir: read_id(reader)? })
}
