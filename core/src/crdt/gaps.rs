//! How far each author of a text has come, and whether an update leaves gaps.
//!
//! The text algorithm puts in whatever blocks it can, also behind a gap in the numbers of their author. When a later update
//! covers the gap and more, yrs 0.28 cuts its blocks up and frees a part that another part still points to. So it is only
//! handed updates that leave no gap: the blocks of each author from the first on, beside blocks that are there.

use super::update::block;
use crate::assoc::{SortedMap, order};
use crate::bytes::{DecodeError, Reader};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The number behind the last block of each author.
#[derive(Default)]
pub(super) struct Reached(SortedMap<u64, u64>);

/// The blocks of one author in an update.
struct Author<'a> {
    id: u64,
    /// The number of the next block, and the number of blocks from there on.
    clock: u64,
    blocks: u64,
    rest: Reader<'a>,
    /// How far the author has come, here and in this update.
    reached: u64,
    /// Who waits for which number of this author.
    waiting: BinaryHeap<Reverse<(u64, u32)>>,
}

/// What holds up the blocks of an author.
enum Next {
    Nothing,
    /// A block of another author in the same update: its index and number.
    Other(u32, u64),
    /// Something that is not here.
    Gap,
}

impl Reached {
    /// Takes in the blocks of a well-formed update if they leave no gap; answers `false`, and takes in nothing, if they do.
    /// Takes time in proportion to the update, times the logarithm of its authors.
    pub(super) fn admit(&mut self, update: &[u8]) -> Result<bool, DecodeError> {
        let (mut reader, mut authors) = (Reader::new(update), Vec::new());
        for _ in 0..reader.count(3, usize::MAX)? {
            let (blocks, id, clock) = (reader.varint()?, reader.varint()?, reader.varint()?);
            let (rest, reached) = (reader.clone(), self.of(id));
            authors.push(Author { id, clock, blocks, rest, reached, waiting: BinaryHeap::new() });
            for _ in 0..blocks {
                block(&mut reader, &mut false)?;
            }
        }
        let by_id = order(authors.iter().map(|author| (author.id, 0)));
        if by_id.windows(2).any(|pair| authors[pair[0] as usize].id == authors[pair[1] as usize].id) {
            return Ok(false);
        }
        let (mut ready, mut unfinished): (Vec<u32>, usize) = ((0..authors.len() as u32).collect(), authors.len());
        while let Some(at) = ready.pop() {
            match self.advance(&mut authors, &by_id, at)? {
                Next::Nothing => unfinished -= 1,
                Next::Other(other, clock) => authors[other as usize].waiting.push(Reverse((clock, at))),
                Next::Gap => return Ok(false),
            }
            let author = &mut authors[at as usize];
            while author.waiting.peek().is_some_and(|first| first.0.0 < author.reached) {
                ready.extend(author.waiting.pop().map(|Reverse((_, waiter))| waiter));
            }
        }
        // Whoever still waits, waits for one who waits for it.
        if unfinished == 0 {
            for author in authors {
                self.0.insert(author.id, author.reached);
            }
        }
        Ok(unfinished == 0)
    }

    fn of(&self, id: u64) -> u64 {
        self.0.get(&id).copied().unwrap_or(0)
    }

    /// Goes on with the blocks of one author up to what holds them up.
    fn advance(&self, authors: &mut [Author<'_>], by_id: &[u32], at: u32) -> Result<Next, DecodeError> {
        loop {
            let author = &authors[at as usize];
            if author.blocks == 0 {
                return Ok(Next::Nothing);
            }
            let mut rest = author.rest.clone();
            let block = block(&mut rest, &mut false)?;
            let end = author.clock.saturating_add(block.length);
            if author.clock > author.reached || block.skipped && end > author.reached {
                return Ok(Next::Gap);
            }
            for (id, clock) in block.beside.into_iter().flatten() {
                let other = by_id.binary_search_by_key(&id, |&other| authors[other as usize].id).map(|at| by_id[at]);
                let reached = other.map_or_else(|_| self.of(id), |other| authors[other as usize].reached);
                match other {
                    _ if clock < reached => {}
                    Ok(other) if other != at => return Ok(Next::Other(other, clock)),
                    _ => return Ok(Next::Gap),
                }
            }
            let author = &mut authors[at as usize];
            author.reached = author.reached.max(end);
            (author.clock, author.blocks, author.rest) = (end, author.blocks - 1, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An author, the number of its first block, and of each block its length and what it stands beside.
    type Part<'a> = (u8, u8, &'a [(u8, Option<(u8, u8)>)]);

    fn update(authors: &[Part<'_>]) -> Vec<u8> {
        let mut out = vec![authors.len() as u8];
        for (id, clock, blocks) in authors {
            out.extend([blocks.len() as u8, *id, *clock]);
            for (length, beside) in *blocks {
                match (length, beside) {
                    // Skipped.
                    (length @ 100.., _) => out.extend([10, length - 100]),
                    (_, Some((author, clock))) => out.extend([0x84, *author, *clock, *length]),
                    (_, None) => out.extend([4, 1, 1, b't', *length]),
                }
                out.extend(std::iter::repeat_n(b'x', if *length < 100 { *length as usize } else { 0 }));
            }
        }
        out.push(0);
        super::super::update::check_update(&out).expect("well-formed");
        out
    }

    fn admitted(reached: &mut Reached, authors: &[Part<'_>]) -> bool {
        reached.admit(&update(authors)).expect("well-formed")
    }

    #[test]
    fn blocks_are_admitted_from_the_first_on_and_again() {
        let mut reached = Reached::default();
        assert!(!admitted(&mut reached, &[(1, 3, &[(2, None)])]), "nothing is there before 3");
        assert!(admitted(&mut reached, &[(1, 0, &[(3, None)])]));
        assert!(admitted(&mut reached, &[(1, 2, &[(4, None)])]), "it overlaps");
        assert!(admitted(&mut reached, &[(1, 0, &[(1, None)])]), "it is known");
        assert_eq!(reached.of(1), 6);
        assert!(!admitted(&mut reached, &[(1, 6, &[(101, None), (1, None)])]), "what is skipped is not there");
        assert!(admitted(&mut reached, &[(1, 4, &[(102, None), (1, None)])]));
        assert_eq!(reached.of(1), 7);
    }

    #[test]
    fn what_a_block_stands_beside_must_be_there_or_come_with_it() {
        let mut reached = Reached::default();
        assert!(!admitted(&mut reached, &[(1, 0, &[(1, Some((2, 0)))])]));
        assert!(!admitted(&mut reached, &[(1, 0, &[(1, Some((1, 0)))])]), "itself");
        // Back and forth between two, and both orders in the update.
        let one: &[_] = &[(1, None), (1, Some((2, 1)))];
        let two: &[_] = &[(1, Some((1, 0))), (1, None), (1, Some((1, 1)))];
        assert!(admitted(&mut Reached::default(), &[(1, 0, one), (2, 0, two)]));
        assert!(admitted(&mut reached, &[(2, 0, two), (1, 0, one)]));
        assert_eq!((reached.of(1), reached.of(2)), (2, 3));
        assert!(!admitted(&mut reached, &[(3, 0, &[(1, Some((4, 0)))]), (4, 0, &[(1, Some((3, 0)))])]), "a circle");
        assert!(!admitted(&mut reached, &[(5, 0, &[(1, None)]), (5, 0, &[(1, None)])]), "one author twice");
        assert_eq!((reached.of(3), reached.of(5)), (0, 0), "nothing of what is refused is taken in");
    }
}
