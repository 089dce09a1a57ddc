//! The log of one writer: which of its events still matter, and where.

use crate::assoc::order;

/// Number of the event -> place, for the live dots and delete records of one writer, in the order of numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    seqs: Vec<u64>,
    places: Vec<u32>,
    /// So many entries from the first on are in order.
    settled: usize,
    dead: usize,
}

/// Where an event stands: the number of a leaf, or with [`RECORD`] that of a place of delete records.
pub(super) const RECORD: u32 = 1 << 31;

/// Marks an entry that no longer matters; they are swept out when they outnumber the others.
const DEAD: u32 = u32::MAX;

/// So many dead entries are not worth sweeping out.
const SPARE: usize = 32;

impl Log {
    /// Appends an entry. If `seq` is not larger than all before it, [`Log::settle`] must follow before it is asked for.
    pub(super) fn push(&mut self, seq: u64, place: u32) {
        if self.settled == self.seqs.len() && self.seqs.last().is_none_or(|&last| last < seq) {
            self.settled += 1;
        }
        self.seqs.push(seq);
        self.places.push(place);
    }

    /// Brings the entries into order.
    pub(super) fn settle(&mut self) {
        let Some(least) = self.seqs[self.settled..].iter().min() else { return };
        let from = self.seqs[..self.settled].partition_point(|seq| seq < least);
        self.settled = self.seqs.len();
        let mut cuts = self.seqs[from..].windows(2).enumerate().filter(|(_, pair)| pair[0] > pair[1]);
        let (first, more) = (cuts.next().map(|(at, _)| from + at + 1), cuts.next().is_some());
        match first {
            None => {}
            // Almost always: the leaves, and then the delete records.
            Some(middle) if !more => self.merge(from, middle),
            _ => {
                let sorted = order(self.seqs[from..].iter().map(|&seq| (seq, 0)));
                let entry = |&at: &u32| (self.seqs[from + at as usize], self.places[from + at as usize]);
                let (seqs, places): (Vec<u64>, Vec<u32>) = sorted.iter().map(entry).unzip();
                self.seqs.splice(from.., seqs);
                self.places.splice(from.., places);
            }
        }
    }

    /// Merges the run from `from` to `middle` with the rest.
    fn merge(&mut self, from: usize, middle: usize) {
        let first: Vec<(u64, u32)> = (from..middle).map(|at| (self.seqs[at], self.places[at])).collect();
        let (mut at, mut next) = (from, middle);
        for (seq, place) in first {
            while next < self.seqs.len() && self.seqs[next] < seq {
                (self.seqs[at], self.places[at]) = (self.seqs[next], self.places[next]);
                (at, next) = (at + 1, next + 1);
            }
            (self.seqs[at], self.places[at]) = (seq, place);
            at += 1;
        }
    }

    /// Takes the last entry back, and says where it stood.
    pub(super) fn pop(&mut self) -> Option<u32> {
        self.seqs.pop();
        self.settled = self.seqs.len();
        let place = self.places.pop()?;
        if place == DEAD {
            self.dead -= 1;
        }
        Some(place).filter(|&place| place != DEAD)
    }

    /// Forgets all entries with numbers beyond `seq`.
    pub(super) fn truncate(&mut self, seq: u64) {
        let keep = self.seqs.partition_point(|&number| number <= seq);
        self.dead -= self.places[keep..].iter().filter(|&&place| place == DEAD).count();
        self.seqs.truncate(keep);
        self.places.truncate(keep);
        self.settled = keep;
    }

    /// Marks an entry as no longer mattering. Tells whether sweeping is worth while.
    pub(super) fn kill(&mut self, seq: u64) -> bool {
        if let Some(at) = self.find(seq).filter(|&at| self.places[at] != DEAD) {
            self.places[at] = DEAD;
            self.dead += 1;
        }
        self.dead > SPARE && self.dead * 2 > self.seqs.len()
    }

    /// Undoes [`Log::kill`]; the entry was not swept out in between.
    pub(super) fn revive(&mut self, seq: u64, place: u32) {
        if let Some(at) = self.find(seq) {
            self.places[at] = place;
            self.dead -= 1;
        }
    }

    /// Sweeps out entries that do not matter, once they are the majority.
    pub(super) fn sweep(&mut self) {
        if self.dead <= SPARE || self.dead * 2 <= self.seqs.len() {
            return;
        }
        let mut kept = 0;
        for at in 0..self.seqs.len() {
            if self.places[at] != DEAD {
                (self.seqs[kept], self.places[kept]) = (self.seqs[at], self.places[at]);
                kept += 1;
            }
        }
        self.seqs.truncate(kept);
        self.places.truncate(kept);
        (self.settled, self.dead) = (kept, 0);
        if kept * 4 < self.seqs.capacity() {
            self.seqs.shrink_to(kept * 2);
            self.places.shrink_to(kept * 2);
        }
    }

    /// The entries with numbers beyond `seq`.
    pub(super) fn beyond(&self, seq: u64) -> impl Iterator<Item = (u64, u32)> {
        let from = self.seqs.partition_point(|&number| number <= seq);
        let entries = self.seqs[from..].iter().copied().zip(self.places[from..].iter().copied());
        entries.filter(|(_, place)| *place != DEAD)
    }

    /// Where an event stands; `None` if it no longer matters.
    pub(super) fn place(&self, seq: u64) -> Option<u32> {
        self.find(seq).map(|at| self.places[at]).filter(|&place| place != DEAD)
    }

    /// Number of entries that matter.
    pub(super) fn len(&self) -> usize {
        self.seqs.len() - self.dead
    }

    fn find(&self, seq: u64) -> Option<usize> {
        let seqs = &self.seqs[..self.settled];
        // Numbers rise by one at least, so it stands as far from either end at most: where few are missing, that is almost
        // one place.
        let behind = seqs.last()?.saturating_sub(seq);
        let least = (seqs.len() as u64 - 1).saturating_sub(behind) as usize;
        if seqs.get(least) == Some(&seq) {
            return Some(least);
        }
        let most = seq.checked_sub(*seqs.first()?)?.min(seqs.len() as u64 - 1) as usize;
        seqs.get(least..=most)?.binary_search(&seq).ok().map(|step| least + step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_wherever_numbers_are_missing() {
        let far = 1 << 40;
        let dense: Vec<u64> = (1..=40).collect();
        let even: Vec<u64> = (1..=40).map(|at| at * 2).collect();
        for seqs in [&[7][..], &[3, 4, 5, 9, 10], &[1, 2, far, far + 1], &[far, far + 7], &dense, &even] {
            let mut log = Log::default();
            (0..).zip(seqs).for_each(|(place, &seq)| log.push(seq, place));
            for seq in (0..100).chain(far - 1..far + 9) {
                let expected = seqs.iter().position(|&there| there == seq).map(|at| at as u32);
                assert_eq!(log.place(seq), expected, "{seq} in {seqs:?}");
            }
        }
    }

    #[test]
    fn runs_are_brought_into_order() {
        let mut log = Log::default();
        for run in [&[1, 2, 5, 9, 11, 4, 6, 10, 3, 12, 7, 8][..], &[14, 15, 18, 13, 16, 17], &[19, 20]] {
            run.iter().for_each(|&seq| log.push(seq, seq as u32 * 10));
            log.settle();
        }
        assert!(log.beyond(0).eq((1..=20).map(|seq| (seq, seq as u32 * 10))));
        assert_eq!((2..=20).filter(|&seq| log.kill(seq)).count(), 0);
        assert_eq!((log.place(1), log.place(7), log.len()), (Some(10), None, 1));
        log.sweep();
        assert_eq!((log.place(1), log.place(7), log.len()), (Some(10), None, 1));
    }
}
