//! Causal contexts: what was seen, also beyond gaps.

use super::{Dot, ReplicaId, VersionVector};

/// Sequence numbers of one replica without a gap, both ends included. Sorts by replica, then by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// The writer.
    pub replica: ReplicaId,
    /// The first number.
    pub from: u64,
    /// The last number, not below the first.
    pub to: u64,
}

/// A version vector plus runs of dots beyond gaps (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018).
///
/// A document needs none, because it joins gapless deltas only. Whoever takes in events in any order does.
/// The form is canonical: contexts that cover the same dots are equal.
///
/// ```
/// use syncline::clock::{CausalContext, Dot, ReplicaId};
/// let a = ReplicaId::new(1, 1);
/// let mut seen = CausalContext::default();
/// seen.insert(Dot::new(a, 2));
/// assert_eq!((seen.version().get(&a), seen.beyond(), seen.highest(&a)), (0, 1, 2));
/// seen.insert(Dot::new(a, 1));
/// assert_eq!((seen.version().get(&a), seen.beyond()), (2, 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CausalContext {
    version: VersionVector,
    /// In order; those of one replica neither overlap nor touch one another or the gapless part.
    runs: Vec<Run>,
}

impl CausalContext {
    /// Adds one dot and closes the gaps that it fills. Number 0 names no event and changes nothing.
    pub fn insert(&mut self, dot: Dot) {
        self.insert_run(Run { replica: dot.replica, from: dot.seq.max(1), to: dot.seq });
    }

    /// Adds all dots of a run and closes the gaps that they fill. A run that ends before it begins changes nothing.
    pub fn insert_run(&mut self, mut run: Run) {
        let gapless = self.version.get(&run.replica);
        if run.to <= gapless || run.to < run.from {
            return;
        }
        let first =
            self.runs.partition_point(|known| (known.replica, known.to.saturating_add(1)) < (run.replica, run.from));
        let touching = self.runs[first..]
            .iter()
            .take_while(|known| known.replica == run.replica && known.from <= run.to.saturating_add(1))
            .count();
        let touched = first..first + touching;
        for known in &self.runs[touched.clone()] {
            run.from = run.from.min(known.from);
            run.to = run.to.max(known.to);
        }
        if run.from <= gapless.saturating_add(1) {
            self.version.insert(run.replica, run.to);
            self.runs.drain(touched);
        } else if touching == 0 {
            if self.runs.is_empty() {
                // The context of one change has one run, and most of them no more.
                self.runs.reserve_exact(1);
            }
            self.runs.insert(first, run);
        } else {
            self.runs[first] = run;
            self.runs.drain(first + 1..touched.end);
        }
    }

    /// Tells whether the event was seen.
    pub fn covers(&self, dot: &Dot) -> bool {
        self.version.covers(dot) || (!self.runs.is_empty() && self.in_runs(dot))
    }

    fn in_runs(&self, dot: &Dot) -> bool {
        let at = self.runs.partition_point(|run| (run.replica, run.to) < (dot.replica, dot.seq));
        self.runs.get(at).is_some_and(|run| run.replica == dot.replica && run.from <= dot.seq)
    }

    /// The highest sequence number seen of a replica, gaps or not; [`u64::MAX`] for a retired id. The number above it is
    /// free, also after a replica got its own dots back from others.
    pub fn highest(&self, replica: &ReplicaId) -> u64 {
        let after = self.runs.partition_point(|run| run.replica <= *replica);
        let run = self.runs[..after].last().filter(|run| run.replica == *replica);
        run.map_or_else(|| self.version.get(replica), |run| run.to)
    }

    /// Takes in what the other has seen.
    pub fn join(&mut self, other: &CausalContext) {
        if other.version.is_empty() {
            return other.runs.iter().for_each(|run| self.insert_run(*run));
        }
        self.version.join(&other.version);
        if self.runs.is_empty() && other.runs.is_empty() {
            return;
        }
        let mut runs = std::mem::take(&mut self.runs);
        runs.extend_from_slice(&other.runs);
        // In order, so that each goes to the end.
        runs.sort_unstable();
        runs.into_iter().for_each(|run| self.insert_run(run));
    }

    /// The gapless part.
    pub fn version(&self) -> &VersionVector {
        &self.version
    }

    /// The runs beyond gaps, in order.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Number of dots beyond gaps.
    pub fn beyond(&self) -> u64 {
        self.runs.iter().fold(0, |sum, run| sum.saturating_add(run.to - run.from + 1))
    }

    /// Tells whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.version.is_empty() && self.runs.is_empty()
    }
}

impl From<VersionVector> for CausalContext {
    fn from(version: VersionVector) -> Self {
        CausalContext { version, runs: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn dot(replica: u64, seq: u64) -> Dot {
        Dot::new(ReplicaId::new(1, u128::from(replica)), seq)
    }

    #[test]
    fn a_context_is_the_set_of_its_dots() {
        let mut random = 7u64;
        let mut next = |bound: u64| {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (random >> 33) % bound
        };
        for _ in 0..if cfg!(miri) { 5 } else { 300 } {
            let mut parts = Vec::new();
            for _ in 0..2 {
                let (mut context, mut set) = (CausalContext::default(), BTreeSet::new());
                for _ in 0..next(30) {
                    let (replica, from) = (next(3), 1 + next(20));
                    let to = from + next(4);
                    context.insert_run(Run { to, ..Run { replica: dot(replica, 1).replica, from, to: 0 } });
                    set.extend((from..=to).map(|seq| dot(replica, seq)));
                }
                parts.push((context, set));
            }
            let (mut joined, mut union) = parts[0].clone();
            joined.join(&parts[1].0);
            union.extend(parts[1].1.iter().copied());
            let mut backwards = CausalContext::default();
            union.iter().rev().for_each(|dot| backwards.insert(*dot));
            assert_eq!(joined, backwards, "the form is canonical");
            for (replica, seq) in (0..3).flat_map(|replica| (0..26).map(move |seq| (replica, seq))) {
                assert_eq!(joined.covers(&dot(replica, seq)), seq == 0 || union.contains(&dot(replica, seq)));
            }
            for replica in 0..3 {
                let highest = union.iter().filter(|d| d.replica == dot(replica, 1).replica).map(|d| d.seq).max();
                assert_eq!(joined.highest(&dot(replica, 1).replica), highest.unwrap_or(0));
            }
        }
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow() {
        let mut context = CausalContext::default();
        context.insert(dot(1, 0));
        assert!(context.is_empty());
        context.insert_run(Run { replica: dot(1, 1).replica, from: 5, to: u64::MAX });
        context.insert(dot(1, u64::MAX - 1));
        assert_eq!(context.runs().len(), 1);
    }
}
