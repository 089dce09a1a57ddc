//! A walk over an update of Yjs, version 1: blocks by author, then what is deleted.

use super::block::Block;
use super::bytes::{Malformed, Reader};

/// One part of an update.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    /// A run of insertions; its author and first clock.
    Block { author: u64, clock: u32, block: Block<'a> },
    /// A range of clocks that are deleted.
    Deleted { author: u64, from: u32, to: u32 },
}

/// Checks a whole update. Allocates nothing; takes time linear in its length.
///
/// # Errors
/// [`Malformed`] with what is wrong.
pub(super) fn check(update: &[u8]) -> Result<(), Malformed> {
    walk(update, |_| {})
}

/// Hands every part of an update to `visit`.
///
/// # Errors
/// [`Malformed`]; some parts may have been handed out then.
pub(super) fn walk<'a>(update: &'a [u8], mut visit: impl FnMut(Part<'a>)) -> Result<(), Malformed> {
    let mut reader = Reader::new(update);
    for _ in 0..reader.count(3)? {
        let (blocks, author, mut clock) = (reader.count(1)?, reader.number()?, reader.clock()?);
        for _ in 0..blocks {
            let block = Block::read(&mut reader)?;
            let end = add(clock, block.length)?;
            visit(Part::Block { author, clock, block });
            clock = end;
        }
    }
    for _ in 0..reader.count(2)? {
        let author = reader.number()?;
        for _ in 0..reader.count(2)? {
            let (from, length) = (reader.clock()?, reader.clock()?);
            let to = add(from, length)?;
            if length > 0 {
                visit(Part::Deleted { author, from, to });
            }
        }
    }
    if reader.is_empty() { Ok(()) } else { Err(Malformed::Part("bytes behind its end")) }
}

/// Checks a state vector: authors and how much of each is known.
pub(super) fn check_vector(vector: &[u8]) -> Result<(), Malformed> {
    walk_vector(vector, |_, _| {})
}

/// Hands every entry of a state vector to `visit`.
pub(super) fn walk_vector(vector: &[u8], mut visit: impl FnMut(u64, u32)) -> Result<(), Malformed> {
    let mut reader = Reader::new(vector);
    for _ in 0..reader.count(2)? {
        visit(reader.number()?, reader.clock()?);
    }
    if reader.is_empty() { Ok(()) } else { Err(Malformed::Part("bytes behind its end")) }
}

fn add(clock: u32, length: u32) -> Result<u32, Malformed> {
    clock.checked_add(length).filter(|&end| end <= super::CLOCK_MAX).ok_or(Malformed::Part("a clock"))
}
