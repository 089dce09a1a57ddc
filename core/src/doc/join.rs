//! Joining deltas: what a peer has told.

use super::Doc;
use super::apply::ApplyError;
use super::change::Origin;
use super::state::{Entry, RETIRED, Writer};
use crate::assoc::{order, order_of_keys};
use crate::bounds;
use crate::bytes::DecodeError;
use crate::clock::ReplicaId;
use crate::crdt::{Key, Kind, check_update};
use crate::delta::{Delta, DotRow};

/// Most leaves whose log entries are looked at before they are changed: theirs are two lines of the cache each.
const LOOK_AHEAD: usize = 4_096;

/// Entries of each: of many that were written at the same time, few go at once.
const LOOK_AHEAD_EACH: usize = 4;

/// What a join works with: where the delta's leaves stand here, and its view of each local writer.
struct Joining<'a> {
    delta: &'a Delta,
    /// For each leaf that the delta lists, the number of the leaf here.
    places: Vec<u32>,
    /// The numbers of those that were here before, in order.
    known: Vec<u32>,
    /// Local index of each of the delta's writers.
    writers: Vec<u32>,
    /// For each local writer: the rank in the delta, what the sender has seen of it, and what was seen here before.
    local: Vec<Seen>,
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
        self.admit_delta(delta)?;
        let (places, known) = self.place_leaves(delta)?;
        let mut joining = Joining { delta, places, known, writers: Vec::new(), local: Vec::new() };
        joining.writers.extend(delta.writers().into_iter().map(|id| self.state.intern(id)));
        // Writers that the delta does not name are unknown there, or retired.
        let horizon = delta.version.horizon();
        let unnamed = |writer: &Writer| if writer.id.birth_ms() < horizon { RETIRED } else { 0 };
        let seen = |writer: &Writer| Seen { here: writer.seq, there: unnamed(writer), rank: u32::MAX };
        joining.local.extend(self.state.writers.iter().map(seen));
        for (rank, &at) in (0..).zip(&joining.writers) {
            let seen = &mut joining.local[at as usize];
            (seen.rank, seen.there) = (rank, delta.version.get(&self.state.writers[at as usize].id));
        }
        self.drop_unlisted(&joining);
        self.join_leaves(&joining);
        for (key, rank, seq) in &delta.deletes {
            let writer = joining.writers[*rank as usize];
            if *seq > joining.local[writer as usize].here {
                let place = self.state.add_delete(key, writer, *seq);
                self.state.writers[writer as usize].log.push(*seq, place);
            }
        }
        let fresh = self.finish_join(&joining);
        // What the sender has seen of this replica is no secret, also where this is a copy of it.
        self.sealed.hand_out(delta.version.get(&self.id).min(self.last_seq()));
        self.emit_changes(origin);
        self.tidy();
        Ok(fresh)
    }

    /// Brings the logs into order, and raises the versions last: until then they say what was seen before.
    fn finish_join(&mut self, joining: &Joining<'_>) -> u64 {
        let mut fresh = 0;
        let of_delta = |seen: &Seen| seen.rank != u32::MAX || seen.there > 0;
        for (writer, seen) in self.state.writers.iter_mut().zip(&joining.local).filter(|(_, seen)| of_delta(seen)) {
            writer.log.settle();
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

    /// Finds the leaves that a delta lists, and makes those that are not there.
    fn place_leaves(&mut self, delta: &Delta) -> Result<(Vec<u32>, Vec<u32>), JoinError> {
        let leaves = &mut self.state.leaves;
        leaves.reserve(delta.leaves.len());
        let (mut places, mut known, mut twice) = (Vec::with_capacity(delta.leaves.len()), Vec::new(), false);
        for (at, made) in leaves.place_all(&delta.leaves) {
            places.push(at);
            if !made {
                // A leaf without dots was made a moment ago.
                twice |= leaves.at(at).1.entries().is_empty();
                known.push(at);
            }
        }
        known.sort_unstable();
        if twice || known.windows(2).any(|pair| pair[0] == pair[1]) {
            // Each once: the last to go may take all slots with it.
            places.sort_unstable();
            places.dedup();
            places.into_iter().for_each(|at| leaves.vacate(at));
            return Err(DecodeError::Range("leaf (it is listed twice)").into());
        }
        self.look_ahead(&known);
        Ok((places, known))
    }

    /// Looks at the log entries of leaves that a join is about to change, unless they are too many to be kept at hand: in a
    /// large document the processor thus waits for all of them at the same time, not for one after the other.
    fn look_ahead(&self, places: &[u32]) {
        if places.len() <= LOOK_AHEAD {
            let entries =
                places.iter().flat_map(|&at| self.state.leaves.at(at).1.entries().iter().take(LOOK_AHEAD_EACH));
            let logged = entries.filter_map(|entry| self.state.writers[entry.writer as usize].log.place(entry.seq));
            std::hint::black_box(logged.fold(0, |all, place| all ^ place));
        }
    }

    /// Checks all that could fail, but for leaves that are listed twice.
    fn admit_delta(&self, delta: &Delta) -> Result<(), JoinError> {
        if self.in_transaction() {
            return Err(ApplyError::InTransaction.into());
        }
        let seen = |id: &ReplicaId| self.state.seq_of(id);
        if let Some((writer, needed)) = delta.since.iter().find(|(id, seq)| seen(id) < *seq) {
            return Err(ApplyError::Gap { writer, have: seen(&writer), needed }.into());
        }
        self.admit_horizon(delta)?;
        let more = |have: usize| have + delta.version.len() + delta.retired.len() > bounds::REPLICAS;
        // Retired writers are at hand too as long as something of theirs lives, and do not count.
        if more(self.state.index.len()) && more(self.version().len()) {
            return Err(ApplyError::Writers.into());
        }
        let have: Vec<u64> = delta.writers().iter().map(seen).collect();
        let mut first = 0;
        for leaf in &delta.leaves {
            let last = first + leaf.dots as usize;
            let dots = delta.dots.get(first..last).ok_or(DecodeError::Truncated)?;
            first = last;
            for dot in dots {
                check_dot(&leaf.key, dot, have[dot.writer as usize])?;
            }
            if dots.windows(2).any(|pair| (pair[0].writer, pair[0].seq) >= (pair[1].writer, pair[1].seq)) {
                return Err(DecodeError::Range("leaf (its dots are not in order)").into());
            }
        }
        Ok(check_distinct(delta)?)
    }

    /// Drops the dots that the sender has seen and no longer holds, at keys that its delta speaks of without listing.
    fn drop_unlisted(&mut self, joining: &Joining<'_>) {
        let delta = joining.delta;
        let unlisted = |id: &u32| joining.known.binary_search(id).is_err();
        if delta.complete {
            let by = delta.version.iter().next().map_or(self.id, |(id, _)| id);
            let mut ids: Vec<u32> = self.state.leaves.iter().map(|(id, _)| id).filter(unlisted).collect();
            if self.observing() {
                let keys: Vec<&[u8]> = ids.iter().map(|&id| self.state.leaves.at(id).0.as_bytes()).collect();
                ids = order_of_keys(&keys).into_iter().map(|at| ids[at as usize]).collect();
            }
            ids.into_iter().for_each(|id| self.drop_covered(id, by, joining));
            return;
        }
        for (target, rank, _) in &delta.deletes {
            let by = self.state.writers[joining.writers[*rank as usize] as usize].id;
            let ids = match target.is(Kind::TREE) {
                true => self.state.leaves.below(target.path_bytes()),
                false => self.state.leaves.find(target.as_bytes()).into_iter().collect(),
            };
            ids.into_iter().filter(unlisted).for_each(|id| self.drop_covered(id, by, joining));
        }
    }

    fn drop_covered(&mut self, id: u32, by: ReplicaId, joining: &Joining<'_>) {
        let key = self.state.leaves.at(id).0.clone();
        // Leaves that this join has made are listed.
        if !self.state.leaves.contains(&key) {
            return;
        }
        self.touch(&key, by);
        let covered = |entry: &Entry| entry.seq <= joining.local[entry.writer as usize].there;
        if self.state.remove(id, &covered, &mut |_, _| {}) {
            self.drop_text(&key);
            self.state.leaves.vacate(id);
        }
    }

    fn join_leaves(&mut self, joining: &Joining<'_>) {
        let delta = joining.delta;
        if !self.observing() {
            let mut first = 0;
            for at in 0..delta.leaves.len() {
                self.join_leaf(at, first, joining);
                first += delta.leaves[at].dots as usize;
            }
            return;
        }
        // Those who watch are told in the order of keys.
        let (mut keys, mut firsts, mut first) = (Vec::new(), Vec::new(), 0);
        for leaf in &delta.leaves {
            keys.push(leaf.key.as_bytes());
            firsts.push(first);
            first += leaf.dots as usize;
        }
        for at in order_of_keys(&keys) {
            self.join_leaf(at as usize, firsts[at as usize], joining);
        }
    }

    /// Keeps what is listed or not seen by the sender, adds what is listed and new.
    fn join_leaf(&mut self, at: usize, first: usize, joining: &Joining<'_>) {
        let (leaf, place) = (&joining.delta.leaves[at], joining.places[at]);
        let (key, dots) = (&leaf.key, &joining.delta.dots[first..first + leaf.dots as usize]);
        let newest = dots.iter().max_by_key(|dot| dot.value.as_ref().map(|(hlc, _)| *hlc));
        let by = newest.map_or(0, |dot| joining.writers[dot.writer as usize]);
        self.touch(key, self.state.writers[by as usize].id);
        if !self.state.leaves.at(place).1.entries().is_empty() {
            let unlisted = |entry: &Entry| {
                let seen = joining.local[entry.writer as usize];
                let listed = || dots.binary_search_by_key(&(seen.rank, entry.seq), |dot| (dot.writer, dot.seq));
                entry.seq <= seen.there && listed().is_err()
            };
            if self.state.remove(place, &unlisted, &mut |_, _| {}) {
                self.drop_text(key);
            }
        }
        for dot in dots {
            let writer = joining.writers[dot.writer as usize];
            let news = dot.value.as_ref().filter(|_| dot.seq > joining.local[writer as usize].here);
            let Some((hlc, payload)) = news else { continue };
            self.clock.observe(*hlc);
            self.state.add(place, Entry { writer, seq: dot.seq, hlc: *hlc, payload: payload.clone() });
            self.state.writers[writer as usize].log.push(dot.seq, place);
            #[cfg(feature = "text")]
            if key.is(Kind::TEXT) {
                self.text_arrived(key, payload);
            }
        }
        if self.state.leaves.at(place).1.entries().is_empty() {
            self.state.leaves.vacate(place);
        }
    }
}

/// No event stands at two places.
fn check_distinct(delta: &Delta) -> Result<(), DecodeError> {
    let dots = delta.dots.iter().map(|dot| (u64::from(dot.writer), dot.seq));
    let deletes = delta.deletes.iter().map(|(_, writer, seq)| (u64::from(*writer), *seq));
    let twice = if dots.clone().is_sorted_by(|a, b| a < b) && deletes.clone().is_sorted_by(|a, b| a < b) {
        let mut deletes = deletes.peekable();
        dots.into_iter().any(|dot| {
            while deletes.next_if(|delete| *delete < dot).is_some() {}
            deletes.peek() == Some(&dot)
        })
    } else {
        let listed: Vec<(u64, u64)> = dots.chain(deletes).collect();
        let sorted = order(listed.iter().copied());
        sorted.windows(2).any(|pair| listed[pair[0] as usize] == listed[pair[1] as usize])
    };
    if twice { Err(DecodeError::Range("dot (it is listed twice)")) } else { Ok(()) }
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
        Some((_, payload)) if key.is(Kind::TEXT) => Ok(check_update(payload).map_err(ApplyError::from)?),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VersionVector;
    use crate::crdt::{Path, Value};

    #[test]
    fn a_leaf_that_is_listed_twice_is_refused_and_leaves_no_trace() {
        let mut from = Doc::new(ReplicaId::new(5, 1));
        let place = |number: u32| Path::root().child(&number.to_string());
        from.transact(5, None, |doc| (0..2_000).try_for_each(|number| doc.set(&place(number), Value::Null))).unwrap();
        let delta = from.delta_since(&VersionVector::default());
        for doubled in [0, 700, 1_999] {
            let mut damaged = delta.clone();
            damaged.leaves.push(damaged.leaves[doubled].clone());
            damaged.leaves.last_mut().unwrap().dots = 0;
            let mut doc = Doc::new(ReplicaId::new(5, 2));
            let refused = doc.join(&damaged, &Origin::Import);
            assert_eq!(refused, Err(DecodeError::Range("leaf (it is listed twice)").into()));
            doc.check().unwrap();
            assert_eq!(doc.join(&delta, &Origin::Import), Ok(2_000));
            doc.check().unwrap();
        }
    }
}
