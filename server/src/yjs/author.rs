//! The blocks of one author in the order of their clocks. Their bytes stand in one buffer, as they came.

use super::block::{Block, write_gap};
use super::bytes::{Reader, push_number};
use super::ranges::Ranges;

/// Bytes of a block up to which the next one is put into it: copying stays cheap, and few blocks are left.
const JOINED_BYTES: usize = 4 * 1024;

/// Units that are dropped from the middle of a block: their bytes are more than those of the two blocks that it takes.
const DROPPED_UNITS: u32 = 128;

/// Blocks of one author.
#[derive(Debug, Clone, Default)]
pub(super) struct Author {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    /// Everything before this clock is there.
    known: u32,
    /// So many entries are before it.
    settled: usize,
}

/// Where a block stands.
#[derive(Debug, Clone, Copy)]
struct Entry {
    clock: u32,
    end: u32,
    at: u32,
    size: u32,
}

impl Author {
    /// Everything before this clock is there.
    pub(super) fn known(&self) -> u32 {
        self.known
    }

    /// Blocks behind a gap.
    pub(super) fn unsettled(&self) -> usize {
        self.entries.len() - self.settled
    }

    /// Memory that it takes, roughly.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    /// Clocks of a range that are not there.
    pub(super) fn missing(&self, from: u32, to: u32) -> u32 {
        let mut count = 0;
        self.for_each_missing(from, to, |_, from, to| count += to - from);
        count
    }

    /// Adds what is not there of a block, and hands its ranges to `added`.
    pub(super) fn insert(&mut self, id: (u64, u32), block: &Block<'_>, mut added: impl FnMut(u32, u32)) {
        let mut ranges = Vec::new();
        self.for_each_missing(id.1, id.1 + block.length, |index, from, to| ranges.push((index, from, to)));
        for (place, &(index, from, to)) in ranges.iter().enumerate() {
            let at = self.bytes.len();
            block.write_part(&mut self.bytes, id, from - id.1, to - id.1);
            let size = (self.bytes.len() - at) as u32;
            // Each range before it has moved the others by one.
            self.entries.insert(index + place, Entry { clock: from, end: to, at: at as u32, size });
            added(from, to);
        }
        while let Some(next) = self.entries.get(self.settled).filter(|next| next.clock == self.known) {
            self.known = next.end;
            self.settled += 1;
        }
    }

    /// Hands out each range that is not there, with the index that it would have among the entries.
    fn for_each_missing(&self, from: u32, to: u32, mut visit: impl FnMut(usize, u32, u32)) {
        let mut at = from.max(self.known);
        while at < to {
            let index = match self.entries.last() {
                Some(last) if last.end > at => self.entries.partition_point(|entry| entry.end <= at),
                _ => self.entries.len(),
            };
            match self.entries.get(index) {
                Some(entry) if entry.clock <= at => at = entry.end,
                next => {
                    let end = next.map_or(to, |next| next.clock.min(to));
                    visit(index, at, end);
                    at = end;
                }
            }
        }
    }

    /// Appends what is behind a clock as a section of an update. Whether there is anything.
    pub(super) fn encode(&self, author: u64, after: u32, out: &mut Vec<u8>) -> bool {
        let entries = &self.entries[self.entries.partition_point(|entry| entry.end <= after)..];
        let Some(first) = entries.first() else { return false };
        let gaps = entries.windows(2).filter(|pair| pair[0].end < pair[1].clock).count();
        let start = first.clock.max(after);
        for number in [(entries.len() + gaps) as u64, author, u64::from(start)] {
            push_number(out, number);
        }
        let mut end = start;
        for entry in entries {
            if entry.clock > end {
                write_gap(out, entry.clock - end);
            }
            match entry.clock < start {
                true => self.block(entry, |block| {
                    block.write_part(out, (author, entry.clock), start - entry.clock, block.length)
                }),
                false => out.extend_from_slice(self.slice(entry)),
            }
            end = entry.end;
        }
        true
    }

    /// The same without the contents of what is deleted, and in as few blocks as can be.
    pub(super) fn compacted(&self, author: u64, deleted: &Ranges) -> Author {
        let mut compact = Author { known: self.known, ..Author::default() };
        let mut part = Vec::new();
        for entry in &self.entries {
            let mut push = |from: u32, to: u32, gone: bool| {
                let (id, first, last) = ((author, entry.clock), from - entry.clock, to - entry.clock);
                self.block(entry, |block| {
                    part.clear();
                    if !gone || !block.write_deleted(&mut part, id, first, last) {
                        block.write_part(&mut part, id, first, last);
                    }
                });
                compact.push(author, from, to, &part);
            };
            let mut at = entry.clock;
            for (from, to) in self.worth_dropping(author, entry, deleted) {
                if from > at {
                    push(at, from, false);
                }
                push(from, to, true);
                at = to;
            }
            if at < entry.end {
                push(at, entry.end, false);
            }
        }
        compact.settled = compact.entries.partition_point(|entry| entry.end <= compact.known);
        compact.entries.shrink_to_fit();
        compact.bytes.shrink_to_fit();
        compact
    }

    /// Deleted ranges of a block: all of it, or so much that cutting it pays.
    fn worth_dropping(&self, author: u64, entry: &Entry, deleted: &Ranges) -> Vec<(u32, u32)> {
        let (mut found, mut at) = (Vec::new(), entry.clock);
        while let Some((from, to)) = deleted.first_within(author, at, entry.end).filter(|_| at < entry.end) {
            if to - from >= DROPPED_UNITS || (from, to) == (entry.clock, entry.end) {
                found.push((from, to));
            }
            at = to;
        }
        found
    }

    /// Appends a block, in one with the last one if that says the same.
    fn push(&mut self, author: u64, clock: u32, end: u32, bytes: &[u8]) {
        if let Some(last) =
            self.entries.last().copied().filter(|last| last.end == clock && (last.size as usize) < JOINED_BYTES)
            && let Ok(next) = Block::read(&mut Reader::new(bytes))
            && let Ok(before) = Block::read(&mut Reader::new(self.slice(&last)))
            && let Some(joined) = before.join(&next, (author, clock))
        {
            self.bytes.truncate(last.at as usize);
            self.entries.pop();
            return self.append(last.clock, end, &joined);
        }
        self.append(clock, end, bytes);
    }

    fn append(&mut self, clock: u32, end: u32, bytes: &[u8]) {
        self.entries.push(Entry { clock, end, at: self.bytes.len() as u32, size: bytes.len() as u32 });
        self.bytes.extend_from_slice(bytes);
    }

    fn slice(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.at as usize..][..entry.size as usize]
    }

    /// Blocks were checked before they were added, so reading one again gives what it gave then.
    fn block(&self, entry: &Entry, visit: impl FnOnce(Block<'_>)) {
        if let Ok(block) = Block::read(&mut Reader::new(self.slice(entry))) {
            visit(block);
        }
    }
}
