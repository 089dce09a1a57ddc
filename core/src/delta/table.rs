//! The ids that a delta names, once each, and its three version vectors as columns over them.
//!
//! The table has three parts, each in the order of ids: what `version` lists, what neither it nor `since` lists (writers
//! that both have retired), and what only `since` lists.

use super::body::{Delta, FLOOR, FLOOR_SAME, HORIZONS, MORE_IDS, SINCE};
use super::budget::Budget;
use super::column::{read_ints, write_ints};
use crate::bounds;
use crate::bytes::{DecodeError, Reader, Writer, unzigzag, zigzag};
use crate::clock::{Floor, ReplicaId, VersionVector};

/// Memory that an id takes while it is decoded, in bytes: its place in the three vectors and in their columns.
const ID_ROW: usize = 128;

/// The three version vectors of a delta that is to be encoded.
pub(super) struct Versions<'a> {
    delta: &'a Delta,
    /// How many ids are in the second and the third part of the table.
    more: [usize; 2],
    ids: Vec<ReplicaId>,
}

impl<'a> Versions<'a> {
    pub(super) fn of(delta: &'a Delta) -> Self {
        let mut ids: Vec<ReplicaId> = delta.version.iter().map(|(id, _)| id).collect();
        let listed = ids.len();
        ids.extend(delta.retired.iter().filter(|id| delta.since.rank(id).is_none()));
        let retired = ids.len() - listed;
        ids.extend(delta.since.iter().map(|(id, _)| id).filter(|id| delta.version.rank(id).is_none()));
        Versions { delta, more: [retired, ids.len() - listed - retired], ids }
    }

    /// Number of ids that may be writers.
    pub(super) fn writers(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn name_more(&self) -> bool {
        self.more != [0, 0]
    }

    pub(super) fn floor_is_empty(&self) -> bool {
        self.delta.floor == Floor::default()
    }

    /// The horizon of the version is not below the other two.
    pub(super) fn have_horizons(&self) -> bool {
        self.delta.version.horizon() > 0
    }

    pub(super) fn write(&self, out: &mut Writer, flags: u8) {
        let Delta { version, since, floor, .. } = self.delta;
        out.varint(version.len() as u64);
        if flags & MORE_IDS != 0 {
            self.more.iter().for_each(|&count| out.varint(count as u64));
        }
        if flags & HORIZONS != 0 {
            out.varint(version.horizon());
            if flags & SINCE != 0 {
                out.varint(version.horizon().saturating_sub(since.horizon()));
            }
            if flags & FLOOR != 0 {
                out.varint(version.horizon().saturating_sub(floor.horizon()));
            }
        }
        write_ints(out, &self.ids.iter().map(ReplicaId::birth_ms).collect::<Vec<_>>());
        self.ids.iter().for_each(|id| out.bytes(&id.as_bytes()[6..]));
        write_ints(out, &version.iter().map(|(_, seq)| seq).collect::<Vec<_>>());
        let listed = |vector: &VersionVector, id: &ReplicaId| vector.rank(id).map_or(0, |_| vector.get(id));
        let below = |id: &ReplicaId, seq: u64| zigzag(listed(version, id).wrapping_sub(seq) as i64);
        if flags & SINCE != 0 {
            write_ints(out, &self.ids.iter().map(|id| below(id, listed(since, id))).collect::<Vec<_>>());
        }
        if flags & FLOOR != 0 {
            write_ints(out, &version.iter().map(|(id, _)| below(&id, floor.get(&id))).collect::<Vec<_>>());
        }
    }

    /// Reads the vectors into `delta`.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        flags: u8,
        delta: &mut Delta,
        budget: &mut Budget,
    ) -> Result<(), DecodeError> {
        // Each id takes ten bytes at least, so the counts are bounded by what is there.
        let listed = reader.count(10, bounds::REPLICAS)?;
        let (mut retired, mut since_only) = (0, 0);
        if flags & MORE_IDS != 0 {
            (retired, since_only) = (reader.count(10, bounds::REPLICAS)?, reader.count(10, bounds::REPLICAS)?);
        }
        let [version, since, floor] = read_horizons(reader, flags)?;
        delta.version.set_horizon(version);
        delta.since.set_horizon(since);
        delta.floor.set_horizon(floor);
        let count = listed + retired + since_only;
        budget.spend(count.saturating_mul(ID_ROW))?;
        let ids = read_ids(reader, &[listed, retired, since_only])?;
        let entries = read_ints(reader, listed)?;
        let below = if flags & SINCE != 0 { read_ints(reader, count)? } else { Vec::new() };
        let pruned = if flags & FLOOR != 0 { read_ints(reader, listed)? } else { Vec::new() };
        let entry = |at: usize| entries.get(at).copied().unwrap_or(0);
        let minus = |at: usize, below: u64| in_range(entry(at).wrapping_sub(unzigzag(below) as u64));
        for (at, &id) in ids.iter().enumerate() {
            if at < listed {
                if entry(at) == 0 && id.birth_ms() >= version {
                    return Err(DecodeError::Range("version vector entry"));
                }
                delta.version.list(id, in_range(entry(at))?);
            } else {
                delta.retired.push(id);
            }
            if let Some(&below) = below.get(at).filter(|_| at < listed || at >= listed + retired) {
                delta.since.list(id, minus(at, below)?);
            }
            if let Some(&below) = pruned.get(at) {
                delta.floor.insert(id, minus(at, below)?);
            }
        }
        if flags & FLOOR_SAME != 0 {
            delta.floor = Floor::from(&delta.version);
        }
        Ok(())
    }
}

fn in_range(seq: u64) -> Result<u64, DecodeError> {
    if seq > bounds::SEQUENCE { Err(DecodeError::Range("version vector entry")) } else { Ok(seq) }
}

/// The horizons of version, since and floor.
fn read_horizons(reader: &mut Reader<'_>, flags: u8) -> Result<[u64; 3], DecodeError> {
    if flags & HORIZONS == 0 {
        return Ok([0; 3]);
    }
    let version = reader.varint()?;
    let mut below = |flag: u8| {
        let present = flags & flag != 0;
        let horizon = if present { version.checked_sub(reader.varint()?) } else { Some(0) };
        horizon.ok_or(DecodeError::Range("horizon"))
    };
    Ok([version, below(SINCE)?, below(FLOOR)?])
}

/// Reads the ids of the table; those of each part are in order.
fn read_ids(reader: &mut Reader<'_>, parts: &[usize]) -> Result<Vec<ReplicaId>, DecodeError> {
    let count = parts.iter().sum();
    let births = read_ints(reader, count)?;
    let mut ids = Vec::with_capacity(count);
    for birth in births {
        if birth >= 1 << 48 {
            return Err(DecodeError::Range("birth"));
        }
        let mut id = [0; 16];
        id[..6].copy_from_slice(&birth.to_be_bytes()[2..]);
        id[6..].copy_from_slice(reader.take(10)?);
        ids.push(ReplicaId::from_bytes(id));
    }
    let mut rest = &ids[..];
    for &part in parts {
        let (these, others) = rest.split_at(part);
        if these.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(DecodeError::Range("order of ids"));
        }
        rest = others;
    }
    Ok(ids)
}
