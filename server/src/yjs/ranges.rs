//! What is deleted: ranges of clocks by author, none of which touch.

use std::collections::BTreeMap;

use super::bytes::push_number;

/// Memory of one range and of one author in bytes, roughly.
const RANGE_BYTES: usize = 24;
const AUTHOR_BYTES: usize = 160;

/// Ranges of clocks by author.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    /// Per author the end of each range by its start.
    authors: BTreeMap<u64, BTreeMap<u32, u32>>,
    count: usize,
}

impl Ranges {
    /// Whether all of a range is in it.
    pub(super) fn covers(&self, author: u64, from: u32, to: u32) -> bool {
        let before = self.authors.get(&author).and_then(|ranges| ranges.range(..=from).next_back());
        before.is_some_and(|(_, &end)| end >= to)
    }

    /// Whether some of a range is in it.
    pub(super) fn touches(&self, author: u64, from: u32, to: u32) -> bool {
        let before = self.authors.get(&author).and_then(|ranges| ranges.range(..to).next_back());
        before.is_some_and(|(_, &end)| end > from)
    }

    /// The first range within one of an author, cut to it.
    pub(super) fn first_within(&self, author: u64, from: u32, to: u32) -> Option<(u32, u32)> {
        let ranges = self.authors.get(&author)?;
        let covering = ranges.range(..=from).next_back().filter(|(_, end)| **end > from);
        let (&start, &end) = covering.or_else(|| ranges.range(from..to).next())?;
        Some((start.max(from), end.min(to)))
    }

    /// Adds a range.
    pub(super) fn insert(&mut self, author: u64, mut from: u32, mut to: u32) {
        let ranges = self.authors.entry(author).or_default();
        // Those that it touches become one with it.
        while let Some((&start, &end)) = ranges.range(..=to).next_back().filter(|(_, end)| **end >= from) {
            ranges.remove(&start);
            self.count -= 1;
            (from, to) = (from.min(start), to.max(end));
        }
        ranges.insert(from, to);
        self.count += 1;
    }

    /// Memory that it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.count * RANGE_BYTES + self.authors.len() * AUTHOR_BYTES
    }

    /// Appends it as the second half of an update.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        push_number(out, self.authors.len() as u64);
        for (&author, ranges) in self.authors.iter().rev() {
            push_number(out, author);
            push_number(out, ranges.len() as u64);
            for (&from, &to) in ranges {
                push_number(out, u64::from(from));
                push_number(out, u64::from(to - from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        let mut ranges = Ranges::default();
        for (from, to) in [(0, 2), (6, 8), (4, 5), (2, 4)] {
            ranges.insert(1, from, to);
        }
        assert_eq!(ranges.authors[&1], BTreeMap::from([(0, 5), (6, 8)]));
        assert!(ranges.covers(1, 1, 5) && !ranges.covers(1, 4, 6) && !ranges.covers(2, 0, 1));
        assert!(ranges.touches(1, 5, 7) && !ranges.touches(1, 5, 6) && ranges.touches(1, 0, 100));
        assert_eq!(ranges.first_within(1, 3, 9), Some((3, 5)));
        assert_eq!(ranges.first_within(1, 5, 7), Some((6, 7)));
        assert_eq!(ranges.first_within(1, 8, 9), None);
        ranges.insert(1, 1, 7);
        assert_eq!((ranges.count, &ranges.authors[&1]), (1, &BTreeMap::from([(0, 8)])));
    }
}
