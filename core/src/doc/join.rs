//! Joining deltas: what a peer has told.

use super::Doc;
use super::apply::ApplyError;
use super::change::Origin;
use super::state::{Entry, RETIRED, Writer};
use crate::assoc::{Table, order};
use crate::bounds;
use crate::bytes::DecodeError;
use crate::clock::ReplicaId;
use crate::crdt::{Key, Kind, check_update};
use crate::delta::{Delta, DotRow};

/// The leaves that a delta lists: their keys, and where each stands in the delta: the leaf's index in the upper half, that
/// of its first dot in the lower.
type Rows<'a> = Table<&'a [u8], u64>;

/// What a join works with: the delta's view of each local writer, and what is to be logged.
struct Joining<'a> {
    delta: &'a Delta,
    rows: Rows<'a>,
    /// Local index of each of the delta's writers.
    writers: Vec<u32>,
    /// For each local writer: the rank in the delta, what the sender has seen of it, and what was seen here before.
    local: Vec<Seen>,
    logged: Vec<(u32, u64, &'a Key)>,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    rank: u32,
    there: u64,
    here: u64,
}

impl Doc {
    /// Joins a delta. Returns the number of events that were new here.
    ///
    /// # Errors
    /// [`ApplyError::Gap`] if this replica has not seen what the delta builds on; others if it is damaged. Nothing is
    /// changed then.
    pub fn join(&mut self, delta: &Delta, origin: &Origin) -> Result<u64, JoinError> {
        let rows = self.admit_delta(delta)?;
        let mut joining = Joining { delta, rows, writers: Vec::new(), local: Vec::new(), logged: Vec::new() };
        joining.writers.extend(delta.writers().into_iter().map(|id| self.state.intern(id)));
        // Writers that the delta does not name may be retired there.
        let seen = |writer: &Writer| Seen { here: writer.seq, there: delta.version.get(&writer.id), rank: u32::MAX };
        joining.local.extend(self.state.writers.iter().map(seen));
        for (rank, &at) in (0..).zip(&joining.writers) {
            joining.local[at as usize].rank = rank;
        }
        self.drop_unlisted(&joining);
        for (_, at) in std::mem::take(&mut joining.rows).iter() {
            let (leaf, first) = (&delta.leaves[(at >> 32) as usize], *at as u32 as usize);
            self.join_leaf(&leaf.key, &delta.dots[first..first + leaf.dots as usize], &mut joining);
        }
        for (key, rank, seq) in &delta.deletes {
            let writer = joining.writers[*rank as usize];
            if *seq > joining.local[writer as usize].here {
                self.state.add_delete(key, writer, *seq);
                joining.logged.push((writer, *seq, key));
            }
        }
        let fresh = self.finish_join(&joining);
        // What the sender has seen of this replica is no secret, also where this is a copy of it.
        self.sealed.hand_out(delta.version.get(&self.id).min(self.last_seq()));
        self.emit_changes(origin);
        self.tidy();
        Ok(fresh)
    }

    /// Writes the log, and raises the versions last: until then they say what was seen before.
    fn finish_join(&mut self, joining: &Joining<'_>) -> u64 {
        let logged = &joining.logged;
        for at in order(logged.iter().map(|(writer, seq, _)| (u64::from(*writer), *seq))) {
            let (writer, seq, key) = logged[at as usize];
            self.state.writers[writer as usize].log.push(seq, key.clone());
        }
        let mut fresh = 0;
        for (writer, seen) in self.state.writers.iter_mut().zip(&joining.local) {
            if seen.there != RETIRED {
                fresh += seen.there.saturating_sub(writer.seq);
                writer.seq = writer.seq.max(seen.there);
            }
            writer.floor = writer.floor.max(joining.delta.floor.get(&writer.id).min(seen.there));
        }
        self.retired.join(&joining.delta.memory);
        self.adopt_horizon(&joining.delta.version);
        fresh
    }

    /// Checks all that could fail, and gathers the dots by key.
    fn admit_delta<'a>(&self, delta: &'a Delta) -> Result<Rows<'a>, JoinError> {
        if self.in_transaction() {
            return Err(ApplyError::InTransaction.into());
        }
        let version = self.version();
        if let Some((writer, needed)) = delta.since.iter().find(|(id, seq)| version.get(id) < *seq) {
            return Err(ApplyError::Gap { writer, have: version.get(&writer), needed }.into());
        }
        self.admit_horizon(delta, &version)?;
        if version.len() + delta.version.len() + delta.retired.len() > bounds::REPLICAS {
            return Err(ApplyError::Writers.into());
        }
        let have: Vec<u64> = delta.writers().iter().map(|id| version.get(id)).collect();
        let (mut rows, mut first) = (Rows::default(), 0);
        for (at, leaf) in (0u64..).zip(&delta.leaves) {
            let last = first + leaf.dots as usize;
            let dots = delta.dots.get(first..last).ok_or(DecodeError::Truncated)?;
            let row = at << 32 | first as u64;
            if *rows.get_or_insert(leaf.key.as_bytes(), row) != row {
                return Err(DecodeError::Range("leaf (it is listed twice)").into());
            }
            first = last;
            for dot in dots {
                check_dot(&leaf.key, dot, have[dot.writer as usize])?;
            }
            if dots.windows(2).any(|pair| (pair[0].writer, pair[0].seq) >= (pair[1].writer, pair[1].seq)) {
                return Err(DecodeError::Range("leaf (its dots are not in order)").into());
            }
        }
        check_distinct(delta)?;
        Ok(rows)
    }

    /// Drops the dots that the sender has seen and no longer holds, at keys that its delta speaks of without listing.
    fn drop_unlisted(&mut self, joining: &Joining<'_>) {
        let delta = joining.delta;
        if delta.complete {
            let by = delta.version.iter().next().map_or(self.id, |(id, _)| id);
            let mut unlisted = Vec::new();
            for (key, _) in self.state.leaves.iter().filter(|(key, _)| !joining.rows.contains(key.as_bytes())) {
                unlisted.push(key.clone());
            }
            unlisted.iter().for_each(|key| self.drop_covered(key, by, joining));
            return;
        }
        for (target, rank, _) in &delta.deletes {
            let by = self.state.writers[joining.writers[*rank as usize] as usize].id;
            let keys = match target.kind() {
                Kind::TREE => self.state.keys_between(target, &Key::tree_end(&target.path())),
                _ => vec![target.clone()],
            };
            for key in keys.iter().filter(|key| !joining.rows.contains(key.as_bytes())) {
                self.drop_covered(key, by, joining);
            }
        }
    }

    fn drop_covered(&mut self, key: &Key, by: ReplicaId, joining: &Joining<'_>) {
        if !self.state.leaves.contains(key) {
            return;
        }
        self.touch(key, by);
        let covered = |entry: &Entry| entry.seq <= joining.local[entry.writer as usize].there;
        if !self.state.remove(key, &covered).is_empty() {
            self.drop_text(key);
        }
    }

    /// Keeps what is listed or not seen by the sender, adds what is listed and new.
    fn join_leaf<'a>(&mut self, key: &'a Key, dots: &'a [DotRow], joining: &mut Joining<'a>) {
        let newest = dots.iter().max_by_key(|dot| dot.value.as_ref().map(|(hlc, _)| *hlc));
        let by = newest.map_or(0, |dot| joining.writers[dot.writer as usize]);
        self.touch(key, self.state.writers[by as usize].id);
        if self.state.leaves.contains(key) {
            let unlisted = |entry: &Entry| {
                let seen = joining.local[entry.writer as usize];
                let listed = || dots.binary_search_by_key(&(seen.rank, entry.seq), |dot| (dot.writer, dot.seq));
                entry.seq <= seen.there && listed().is_err()
            };
            if !self.state.remove(key, &unlisted).is_empty() {
                self.drop_text(key);
            }
        }
        for dot in dots {
            let writer = joining.writers[dot.writer as usize];
            let news = dot.value.as_ref().filter(|_| dot.seq > joining.local[writer as usize].here);
            let Some((hlc, payload)) = news else { continue };
            self.clock.observe(*hlc);
            self.state.add(key, Entry { writer, seq: dot.seq, hlc: *hlc, payload: payload.clone() });
            joining.logged.push((writer, dot.seq, key));
            #[cfg(feature = "text")]
            self.text_arrived(key, payload);
        }
    }
}

/// No event stands at two places.
fn check_distinct(delta: &Delta) -> Result<(), DecodeError> {
    let mut listed: Vec<(u64, u64)> = Vec::with_capacity(delta.dots.len() + delta.deletes.len());
    listed.extend(delta.dots.iter().map(|dot| (u64::from(dot.writer), dot.seq)));
    listed.extend(delta.deletes.iter().map(|(_, writer, seq)| (u64::from(*writer), *seq)));
    let sorted = order(listed.iter().copied());
    match sorted.windows(2).any(|pair| listed[pair[0] as usize] == listed[pair[1] as usize]) {
        true => Err(DecodeError::Range("dot (it is listed twice)")),
        false => Ok(()),
    }
}

/// A delta was refused. Nothing of it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// It cannot be applied here, or not yet.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// It contradicts itself.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

fn check_dot(key: &Key, dot: &DotRow, have: u64) -> Result<(), JoinError> {
    match &dot.value {
        None if dot.seq > have => Err(DecodeError::Range("dot (its value is missing)").into()),
        Some((_, payload)) if key.kind() == Kind::TEXT => Ok(check_update(payload).map_err(ApplyError::from)?),
        _ => Ok(()),
    }
}
