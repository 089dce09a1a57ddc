//! Counters in a document: counting, resetting, and keeping the number of dots low.

use std::sync::atomic::{AtomicU64, Ordering};

use super::leaf::dots;
use super::state::{Entry, State};
use super::{Doc, EditError};
use crate::assoc::Table;
use crate::clock::{ReplicaId, VersionVector};
use crate::crdt::{Count, Key, Kind, Path, Seen, amount, resets, sum};

/// Which of the own events nobody else can know of, so that they may be replaced as if they had never been.
///
/// Reading hands out events too (an export is a read), hence the atomic number.
pub(super) struct Sealed {
    upto: AtomicU64,
    /// Whether committed batches leave one by one.
    pub(super) streamed: bool,
}

impl Default for Sealed {
    fn default() -> Self {
        Sealed { upto: AtomicU64::new(0), streamed: true }
    }
}

impl Sealed {
    /// Notes that events up to `seq` are handed out.
    pub(super) fn hand_out(&self, seq: u64) {
        self.upto.fetch_max(seq, Ordering::Relaxed);
    }
}

impl Doc {
    /// Counts: adds `amount`, which may be negative, to the counter at a path.
    ///
    /// What this replica counted before and nobody else can know of becomes one dot with it, so counting offline for hours
    /// leaves one dot. Counts and grow-only counts merge alike, so they are one type; see [`Doc::counter_grow`].
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    pub fn counter_add(&mut self, path: &Path, amount: i64) -> Result<(), EditError> {
        self.named(path, "counter")?;
        let key = Key::new(path, Kind::COUNTER);
        match self.unsealed(&key) {
            Some((seq, before)) if let Some(both) = before.checked_add(amount) => {
                let own = self.own_span(seq, seq);
                self.record_where(key.clone(), Some(Count::Add(both).write()), &[key], &[], Some(&own))
            }
            _ => self.record(key, Some(Count::Add(amount).write()), &[], &[]),
        }
    }

    /// Counts upwards: as [`Doc::counter_add`], but a negative amount is refused.
    ///
    /// There is no kind of leaf of its own for counters that only grow: how concurrent increments merge is the same, and
    /// what a replica refuses to do is its own affair.
    ///
    /// # Errors
    /// [`EditError::Shrinks`] for a negative amount; others as [`Doc::counter_add`]. Nothing is changed then.
    pub fn counter_grow(&mut self, path: &Path, amount: i64) -> Result<(), EditError> {
        if amount < 0 { Err(EditError::Shrinks) } else { self.counter_add(path, amount) }
    }

    /// Resets the counter at a path to zero, as far as this replica has seen it: increments that others make at the same
    /// time stay, also where their makers fold them with earlier ones. Returns the amount that was taken away.
    ///
    /// [`Doc::delete`] also takes away what was seen, but of a fold made at the same time it spares the whole.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::Path, doc::Doc};
    /// let mut doc = Doc::new(ReplicaId::new(1, 1));
    /// let visits = Path::from_segments(["visits"]);
    /// doc.transact(5, None, |doc| doc.counter_add(&visits, 41))?;
    /// assert_eq!(doc.transact(6, None, |doc| doc.counter_reset(&visits))?, 41);
    /// assert_eq!(doc.counter(&visits), 0);
    /// # Ok::<(), syncline::doc::EditError>(())
    /// ```
    pub fn counter_reset(&mut self, path: &Path) -> Result<i64, EditError> {
        self.named(path, "counter")?;
        let key = Key::new(path, Kind::COUNTER);
        let entries = dots(&self.state, &key);
        let mut seen = resets(entries.iter().map(|entry| &*entry.payload));
        let mut counted = false;
        for entry in entries {
            if matches!(Count::read(&entry.payload), Count::Reset(_)) {
                continue;
            }
            counted = true;
            let upto = seen.get_or_insert_with(self.state.writers[entry.writer as usize].id, || 0);
            *upto = (*upto).max(entry.seq);
        }
        if !counted {
            return self.open().map(|_| 0);
        }
        let taken = counter_sum(&self.state, &key);
        self.put(key, Count::Reset(self.without_retired(seen)).write().to_vec())?;
        Ok(taken)
    }

    /// Folds what this replica counted: on each counter its own dots up to `stable` become one. Returns the number of
    /// counters that were folded.
    ///
    /// `stable` is what every replica that is not retired has seen, as far as this replica has also seen what they had seen
    /// when they said so; a relay that takes the meet of its peers' versions and sends its own state before it is such a
    /// source. Then a reset that this replica does not know of has seen everything that is folded here, and takes it away.
    ///
    /// # Errors
    /// [`EditError`]; roll the transaction back, because a part may be folded.
    pub fn fold(&mut self, stable: &VersionVector) -> Result<usize, EditError> {
        let writer = self.open()?.0;
        let limit = stable.get(&self.id);
        let mut counters: Table<&[u8], u64> = Table::default();
        for (_, key) in self.state.logged(writer, 0).take_while(|(seq, _)| *seq <= limit) {
            if key.kind() == Kind::COUNTER && self.state.leaves.contains(key) {
                counters.get_or_insert(key.as_bytes(), 0);
            }
        }
        let keys: Vec<Key> =
            counters.iter().filter_map(|(key, _)| self.state.leaves.get(key)).map(|(key, _)| key.clone()).collect();
        let mut folded = 0;
        for key in keys {
            folded += usize::from(self.fold_one(key, writer, limit)?);
        }
        Ok(folded)
    }

    fn fold_one(&mut self, key: Key, writer: u32, limit: u64) -> Result<bool, EditError> {
        let entries = dots(&self.state, &key);
        let all = resets(entries.iter().map(|entry| &*entry.payload));
        let own = || entries.iter().filter(|entry| entry.writer == writer && entry.seq <= limit);
        let settled = resets(own().map(|entry| &*entry.payload));
        let mut total = Some(0i64);
        for entry in own() {
            total = total.and_then(|total| total.checked_add(amount(self.id, &entry.payload, &all)));
        }
        // Everyone has seen these resets, so the folds that they void can go, and the resets with them.
        let void = |entry: &&Entry| match Count::read(&entry.payload) {
            Count::Fold { to, .. } if entry.writer != writer => {
                settled.get(&self.state.writers[entry.writer as usize].id) >= Some(&to)
            }
            _ => false,
        };
        let (Some(total), Some(to)) = (total, own().map(|entry| entry.seq).max()) else { return Ok(false) };
        let Some(spans) = spans(own(), entries.iter().filter(void)) else { return Ok(false) };
        if own().count() < 2 && settled.len() == 0 {
            return Ok(false);
        }
        let payload = (total != 0 || settled.len() == 0).then(|| Count::Fold { to, amount: total }.write());
        self.record_where(key.clone(), payload, &[key], &[], Some(&spans))?;
        Ok(true)
    }

    /// Tells whether committed batches leave this replica one by one from now on, as on a live link, or are kept until what
    /// is then alive is exported. At first they leave as soon as [`Doc::keep_batches`] is on.
    ///
    /// Increments that leave one by one are not put together: somebody could reset one in between.
    pub fn stream_batches(&mut self, on: bool) {
        self.sealed.streamed = on;
    }

    /// Notes that the batch up to `last` leaves by itself, if batches do.
    pub(super) fn seal_streamed(&self, last: u64) {
        if self.sealed.streamed {
            self.sealed.hand_out(last);
        }
    }

    /// An own increment at a leaf that nobody else can know of: its number and amount.
    fn unsealed(&self, key: &Key) -> Option<(u64, i64)> {
        let open = self.transaction.as_ref()?;
        let sealed = self.sealed.upto.load(Ordering::Relaxed);
        // On a live link every event leaves at once, and a counter there has many dots to look through.
        if self.state.writers[open.writer as usize].seq <= sealed {
            return None;
        }
        // What is new stands behind what is old; if a rollback has mixed them, one dot more is no harm.
        let last = dots(&self.state, key).iter().rfind(|entry| entry.writer == open.writer)?;
        match Count::read(&last.payload) {
            Count::Add(amount) if last.seq > sealed => Some((last.seq, amount)),
            _ => None,
        }
    }

    fn own_span(&self, from: u64, to: u64) -> [(u32, u64, u64); 1] {
        [(self.state.writer_at(&self.id).unwrap_or_default(), from, to)]
    }

    /// Retired replicas have nothing on its way any more that a reset could meet.
    fn without_retired(&self, seen: Seen) -> Seen {
        let mut kept = Seen::default();
        for (id, upto) in seen.iter().filter(|(id, _)| id.birth_ms() >= self.state.horizon) {
            kept.insert(*id, *upto);
        }
        kept
    }
}

/// One span for all own dots, and one for each other; `None` if two of those are of one writer, because a span over both
/// would take what lies between.
fn spans<'a>(
    own: impl Iterator<Item = &'a Entry>,
    others: impl Iterator<Item = &'a Entry>,
) -> Option<Vec<(u32, u64, u64)>> {
    let mut spans: Vec<(u32, u64, u64)> = Vec::new();
    for entry in own {
        match spans.last_mut() {
            Some(span) => (span.1, span.2) = (span.1.min(entry.seq), span.2.max(entry.seq)),
            None => spans.push((entry.writer, entry.seq, entry.seq)),
        }
    }
    for entry in others {
        if spans.iter().any(|span| span.0 == entry.writer) {
            return None;
        }
        spans.push((entry.writer, entry.seq, entry.seq));
    }
    Some(spans)
}

/// The sum of the dots of the leaf of a counter.
pub(super) fn counter_sum(state: &State, key: &Key) -> i64 {
    let id = |entry: &Entry| -> ReplicaId { state.writers[entry.writer as usize].id };
    sum(dots(state, key).iter().map(|entry| (id(entry), &*entry.payload)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::Origin;

    const NOW: u64 = 1_700_000_000_000;

    fn docs() -> (Doc, Doc) {
        (Doc::new(ReplicaId::new(NOW, 1)), Doc::new(ReplicaId::new(NOW, 2)))
    }

    fn path() -> Path {
        Path::from_segments(["n"])
    }

    fn add(doc: &mut Doc, amount: i64) {
        doc.transact(NOW, None, |doc| doc.counter_add(&path(), amount)).unwrap();
        doc.check().unwrap();
    }

    fn pull(to: &mut Doc, from: &Doc) {
        to.import(&from.export_from(&to.version())).unwrap();
        to.check().unwrap();
    }

    #[test]
    fn counting_where_nobody_looks_leaves_one_dot_until_it_is_handed_out() {
        let (mut a, mut b) = docs();
        (0..100).for_each(|_| add(&mut a, 2));
        assert_eq!((a.stats().dots, a.counter(&path())), (1, 200));
        pull(&mut b, &a);
        (0..100).for_each(|_| add(&mut a, 1));
        assert_eq!((a.stats().dots, a.counter(&path())), (2, 300));
        pull(&mut b, &a);
        assert_eq!((b.counter(&path()), b.digest()), (300, a.digest()));
    }

    #[test]
    fn a_copy_under_the_same_id_does_not_replace_what_others_have_seen() {
        let (mut a, mut b) = docs();
        a.keep_batches(true);
        add(&mut a, 5);
        let batch = a.take_batch().unwrap();
        b.apply(&batch, &Origin::Link).unwrap();
        for journal in [false, true] {
            let mut copy = Doc::new(a.id());
            match journal {
                true => copy.apply(&batch, &Origin::Import).map(drop).unwrap(),
                false => copy.import(&a.save()).map(drop).unwrap(),
            }
            add(&mut copy, 1);
            assert_eq!((copy.stats().dots, copy.counter(&path())), (2, 6));
        }
    }

    #[test]
    fn sums_that_do_not_fit_stay_apart() {
        let (mut a, _) = docs();
        add(&mut a, i64::MAX);
        add(&mut a, i64::MAX);
        assert_eq!((a.stats().dots, a.counter(&path())), (2, i64::MAX));
        let all = a.version();
        assert_eq!(a.transact(NOW, None, |doc| doc.fold(&all)), Ok(0));
    }

    #[test]
    fn a_reset_between_two_batches_takes_away_the_first_only() {
        let (mut a, mut b) = docs();
        a.keep_batches(true);
        add(&mut a, 5);
        add(&mut a, 3);
        let batches: Vec<_> = std::iter::from_fn(|| a.take_batch()).collect();
        b.apply(&batches[0], &Origin::Link).unwrap();
        assert_eq!(b.transact(NOW, None, |doc| doc.counter_reset(&path())), Ok(5));
        b.apply(&batches[1], &Origin::Link).unwrap();
        pull(&mut a, &b);
        assert_eq!((a.counter(&path()), b.counter(&path())), (3, 3));
    }

    #[test]
    fn what_left_on_a_link_stays_apart_from_what_is_counted_offline() {
        let (mut a, mut b) = docs();
        a.keep_batches(true);
        add(&mut a, 5);
        b.apply(&a.take_batch().unwrap(), &Origin::Link).unwrap();
        a.stream_batches(false);
        add(&mut a, 2);
        add(&mut a, 1);
        assert_eq!((a.stats().dots, a.counter(&path())), (2, 8));
        assert_eq!(b.transact(NOW, None, |doc| doc.counter_reset(&path())), Ok(5));
        pull(&mut a, &b);
        assert_eq!(a.counter(&path()), 3);
    }

    #[test]
    fn a_reset_meets_a_fold_that_was_made_at_the_same_time() {
        let (mut a, mut b) = docs();
        for amount in [5, 3] {
            add(&mut a, amount);
            pull(&mut b, &a);
        }
        add(&mut a, 100);
        // `b` has seen 5 and 3, and nobody has reset before.
        let stable = b.version();
        assert_eq!(a.transact(NOW, None, |doc| doc.fold(&stable)), Ok(1));
        assert_eq!((a.stats().dots, a.counter(&path())), (2, 108));
        assert_eq!(b.transact(NOW, None, |doc| doc.counter_reset(&path())), Ok(8));
        pull(&mut a, &b);
        pull(&mut b, &a);
        assert_eq!((a.counter(&path()), b.counter(&path())), (100, 100));
        // Once all have seen the reset, it goes, and the fold that it voids with it.
        let stable = a.version();
        assert_eq!(b.transact(NOW, None, |doc| doc.fold(&stable)), Ok(1));
        pull(&mut a, &b);
        assert_eq!((a.counter(&path()), a.stats().dots), (100, 1));
    }

    #[test]
    fn a_rolled_back_count_leaves_the_dot_that_it_replaced() {
        let (mut a, _) = docs();
        add(&mut a, 5);
        let before = a.save();
        let (mut a, _) = docs();
        add(&mut a, 5);
        a.begin(NOW, None).unwrap();
        a.counter_add(&path(), 6).unwrap();
        a.counter_reset(&path()).unwrap();
        a.rollback();
        a.check().unwrap();
        assert_eq!((a.counter(&path()), a.save()), (5, before));
    }
}
