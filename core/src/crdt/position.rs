//! Positions in a list: byte strings that order items, and between any two of which there is room for more.
//!
//! A position is a path in a tree, as in Weidner and Kleppmann: "The Art of the Fugue: Minimizing Interleaving in
//! Collaborative Text Editing", 2023, in the form of strings whose order is that of their bytes. It is a list of steps:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | 1 towards the front, 2 towards the end, by the writer whose name follows; 3 and 4 the same by the writer of the step before |
//! | 7 or none | the end of the writer's id |
//! | 1 and as many as it says | twice the number of the event that made the step; one more for an item at the end of its position, one less towards what is in front of it. Towards the front all bits are turned over, so that later events come first |
//!
//! Someone who inserts where nobody has inserted makes a step of their own, and everything that they go on to insert
//! in the same direction differs in the last number only: runs do not lengthen their positions, whether typed to the
//! end or to the front, and do not mix with what others insert at the same place at the same time.

use crate::clock::ReplicaId;

const TO_FRONT: u8 = 1;
const TO_END: u8 = 2;
/// Added to the direction when the writer is that of the step before.
const SAME_WRITER: u8 = 2;
const NAME: usize = 7;

/// The last step of a position.
struct Last<'a> {
    forward: bool,
    writer: &'a [u8],
    /// Where the number begins.
    offset: usize,
    /// The number of the event.
    seq: u64,
}

/// Makes the position of the item that the `seq`-th event of `writer` puts between two others; `None` stands for the ends.
pub(crate) fn between(left: Option<&[u8]>, right: Option<&[u8]>, writer: &ReplicaId, seq: u64) -> Vec<u8> {
    let name = name(writer);
    let goes_on = |last: &Last<'_>| last.writer == name && last.seq < seq;
    let last_right = right.and_then(last);
    if let (Some(right), Some(last)) = (right, &last_right) {
        let prefix = &right[..last.offset];
        if !last.forward && goes_on(last) && !left.is_some_and(|left| left.starts_with(prefix)) {
            return with_number(prefix, 2 * seq + 1, false);
        }
        if left.is_none_or(|left| right.starts_with(left)) {
            // What is left of it is its ancestor, or nothing: go in front of it.
            return with_step(&with_number(prefix, 2 * last.seq, last.forward), name, seq, false);
        }
    }
    let left = left.unwrap_or_default();
    match last(left) {
        Some(last)
            if last.forward
                && goes_on(&last)
                && !right.is_some_and(|right| right.starts_with(&left[..last.offset])) =>
        {
            with_number(&left[..last.offset], 2 * seq + 1, true)
        }
        _ => with_step(left, name, seq, true),
    }
}

fn name(writer: &ReplicaId) -> &[u8] {
    &writer.as_bytes()[16 - NAME..]
}

fn with_step(ancestor: &[u8], name: &[u8], seq: u64, forward: bool) -> Vec<u8> {
    let mut position = ancestor.to_vec();
    let direction = if forward { TO_END } else { TO_FRONT };
    if last(ancestor).is_some_and(|last| last.writer == name) {
        position.push(direction + SAME_WRITER);
    } else {
        position.push(direction);
        position.extend_from_slice(name);
    }
    with_number(&position, 2 * seq + 1, forward)
}

/// Appends a number so that the order of bytes is that of numbers: its length first. Towards the front the order is the
/// other way round, but still an odd number comes after the even one below it.
fn with_number(prefix: &[u8], number: u64, forward: bool) -> Vec<u8> {
    let mut position = prefix.to_vec();
    let number = if forward { number } else { number ^ 1 };
    let bytes = number.to_be_bytes();
    let short = &bytes[number.leading_zeros() as usize / 8..];
    let flip = if forward { 0 } else { 0xff };
    position.push(short.len() as u8 ^ flip);
    position.extend(short.iter().map(|byte| byte ^ flip));
    position
}

/// The last step; `None` for bytes that are not a position.
fn last(position: &[u8]) -> Option<Last<'_>> {
    let (mut at, mut writer) = (0, None);
    loop {
        let step = *position.get(at)?;
        let forward = step % 2 == 0;
        at += 1;
        writer = match step {
            TO_FRONT | TO_END => {
                at += NAME;
                Some(position.get(at - NAME..at)?)
            }
            3 | 4 => writer,
            _ => return None,
        };
        let offset = at;
        let flip = if forward { 0 } else { 0xff };
        let length = usize::from(position.get(at)? ^ flip);
        let digits = position.get(at + 1..at + 1 + length).filter(|_| (1..=7).contains(&length))?;
        at += 1 + length;
        if at == position.len() {
            let number = digits.iter().fold(0u64, |number, digit| number << 8 | u64::from(digit ^ flip));
            return Some(Last { forward, writer: writer?, offset, seq: number / 2 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ReplicaId {
        ReplicaId::from_bytes([number; 16])
    }

    /// Inserts at an index, as the document does.
    fn insert(list: &mut Vec<(Vec<u8>, u64)>, index: usize, writer: u8, seq: u64) {
        let left = index.checked_sub(1).map(|at| list[at].0.clone());
        let right = list.get(index).map(|item| item.0.clone());
        let made = between(left.as_deref(), right.as_deref(), &id(writer), seq);
        assert!(left.is_none_or(|left| left < made) && right.is_none_or(|right| made < right));
        list.insert(index, (made, seq));
    }

    #[test]
    fn there_is_room_between_any_two_items() {
        let (mut list, mut random) = (Vec::new(), 1u64);
        for seq in 1..3_000 {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let index = (random >> 33) as usize % (list.len() + 1);
            insert(&mut list, index, (random >> 60) as u8 % 3, seq);
        }
        let longest = list.iter().map(|item| item.0.len()).max();
        assert!(longest < Some(400), "{longest:?}");
    }

    #[test]
    fn runs_to_either_end_do_not_lengthen_their_positions() {
        for front in [false, true] {
            let mut list = Vec::new();
            for seq in 1..10_000 {
                let index = if front { 0 } else { list.len() };
                insert(&mut list, index, 1, seq);
            }
            let longest = list.iter().map(|item| item.0.len()).max();
            assert!(longest <= Some(20), "{longest:?}");
        }
    }

    #[test]
    fn inserting_at_a_point_that_closes_in_takes_a_few_bytes_for_each_item() {
        let mut list = Vec::new();
        insert(&mut list, 0, 1, 1);
        insert(&mut list, 1, 1, 2);
        let mut index = 1;
        for seq in 3..1_000 {
            insert(&mut list, index, 1, seq);
            index += (seq % 2) as usize;
        }
        let longest = list.iter().map(|item| item.0.len()).max();
        assert!(longest < Some(5 * 1_000), "{longest:?}");
    }

    #[test]
    fn bytes_that_are_no_position_do_no_harm() {
        for bytes in [&b""[..], b"\0", b"\x02abc", b"\x03\x01\x01", b"\x02aaaaaaa\x09", b"\xff\xff"] {
            assert!(last(bytes).is_none());
            between(Some(bytes), Some(bytes), &id(1), 1);
            between(None, Some(bytes), &id(1), 1);
        }
    }
}
