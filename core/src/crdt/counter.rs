//! Counters: a dot for each transaction that counts, and the value is the sum of the live dots.
//!
//! A dot is counted once however often it arrives, and a reset takes away just the increments that it saw: those that
//! happened concurrently stay (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018, section 7). The trap
//! is to keep one cumulative dot for each replica: one that is written while somebody resets brings the reset amounts back
//! (Baquero, Almeida, Lerche: "The problem with embedded CRDT counters and a solution", 2016). Hence three payloads:
//!
//! | payload | what it is |
//! |---|---|
//! | integer | an increment |
//! | `[to, amount]` | the writer's increments up to its event `to`, folded into one dot |
//! | `{replica: to, ..}` (bytes to integer) | a reset that has seen each replica's increments up to its event `to` |
//!
//! A fold counts unless a live reset has seen its writer's events up to its `to`. That reset removed the increments, and
//! the fold, made without knowing so, would bring them back.

use crate::assoc::SortedMap;
use crate::bytes::cbor::{self, CborReader};
use crate::bytes::{DecodeError, SmallBytes};
use crate::clock::ReplicaId;
use ciborium_ll::Header;

/// What a reset has seen: for each replica the number of its last event.
pub(crate) type Seen = SortedMap<ReplicaId, u64>;

/// One dot of a counter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Count {
    Add(i64),
    Fold { to: u64, amount: i64 },
    Reset(Seen),
}

impl Count {
    /// Reads a payload; a damaged one counts as nothing.
    pub(crate) fn read(payload: &[u8]) -> Count {
        match cbor::int_from(payload) {
            Some(amount) => Count::Add(amount),
            None => Count::parse(payload).unwrap_or(Count::Add(0)),
        }
    }

    fn parse(payload: &[u8]) -> Result<Count, DecodeError> {
        const BAD: DecodeError = DecodeError::Range("count");
        let mut reader = CborReader::new(payload);
        let int = |header| match header {
            Header::Positive(number) => i64::try_from(number).map_err(|_| BAD),
            Header::Negative(number) => i64::try_from(number).map(|number| !number).map_err(|_| BAD),
            _ => Err(BAD),
        };
        let count = match reader.header()? {
            Header::Array(Some(2)) => Count::Fold { to: reader.uint()?, amount: int(reader.header()?)? },
            Header::Map(Some(length)) if length <= reader.remaining() => {
                let mut seen = Seen::default();
                for _ in 0..length {
                    let id = <[u8; 16]>::try_from(reader.bytes(16)?).map_err(|_| BAD)?;
                    seen.insert(ReplicaId::from_bytes(id), reader.uint()?);
                }
                Count::Reset(seen)
            }
            header => Count::Add(int(header)?),
        };
        reader.finish().map(|()| count)
    }

    /// The payload.
    pub(crate) fn write(&self) -> SmallBytes {
        let mut out = Vec::new();
        match self {
            // Almost always, so without a detour.
            Count::Add(amount) => {
                let (bytes, length) = cbor::int_bytes(*amount);
                return SmallBytes::new(&bytes[..length]);
            }
            Count::Fold { to, amount } => {
                cbor::push(&mut out, Header::Array(Some(2)));
                cbor::push(&mut out, Header::Positive(*to));
                cbor::push_int(&mut out, *amount);
            }
            Count::Reset(seen) => {
                cbor::push(&mut out, Header::Map(Some(seen.len())));
                for (id, to) in seen.iter() {
                    cbor::push_bytes(&mut out, id.as_bytes());
                    cbor::push(&mut out, Header::Positive(*to));
                }
            }
        }
        out.into()
    }
}

/// What all resets among the dots have seen.
pub(crate) fn resets<'a>(dots: impl Iterator<Item = &'a [u8]>) -> Seen {
    let mut all = Seen::default();
    for payload in dots {
        if let Count::Reset(seen) = Count::read(payload) {
            for (id, to) in seen.iter() {
                let known = all.get_or_insert_with(*id, || 0);
                *known = (*known).max(*to);
            }
        }
    }
    all
}

/// The amount that a dot of `writer` stands for beside these resets.
pub(crate) fn amount(writer: ReplicaId, payload: &[u8], resets: &Seen) -> i64 {
    match Count::read(payload) {
        Count::Add(amount) => amount,
        Count::Fold { to, amount } if resets.get(&writer).is_none_or(|seen| *seen < to) => amount,
        Count::Fold { .. } | Count::Reset(_) => 0,
    }
}

/// The sum of the dots, held at the ends of the range of 64 bits.
pub(crate) fn sum<'a>(dots: impl Iterator<Item = (ReplicaId, &'a [u8])> + Clone) -> i64 {
    let resets = resets(dots.clone().map(|(_, payload)| payload));
    let total: i128 = dots.map(|(writer, payload)| i128::from(amount(writer, payload, &resets))).sum();
    total.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [u8; 16] = [1; 16];
    const B: [u8; 16] = [2; 16];

    fn total(dots: &[([u8; 16], Count)]) -> i64 {
        let dots: Vec<_> = dots.iter().map(|(id, count)| (ReplicaId::from_bytes(*id), count.write())).collect();
        sum(dots.iter().map(|(id, payload)| (*id, &**payload)))
    }

    #[test]
    fn sums_are_held_at_the_ends_and_do_not_depend_on_order() {
        let (most, five, less) = (Count::Add(i64::MAX), Count::Add(5), Count::Add(-10));
        assert_eq!(total(&[(A, most), (A, five), (B, less)]), i64::MAX - 5);
        assert_eq!(total(&[(B, Count::Add(-10)), (A, Count::Add(5)), (A, Count::Add(i64::MAX))]), i64::MAX - 5);
        assert_eq!(total(&[(A, Count::Add(i64::MAX)), (A, Count::Add(5))]), i64::MAX);
    }

    #[test]
    fn a_fold_counts_unless_a_reset_has_seen_all_of_it() {
        let reset = |to| {
            let mut seen = Seen::default();
            seen.insert(ReplicaId::from_bytes(A), to);
            (B, Count::Reset(seen))
        };
        let fold = || (A, Count::Fold { to: 7, amount: 20 });
        assert_eq!(total(&[fold(), reset(6)]), 20);
        assert_eq!(total(&[fold(), reset(7), (A, Count::Add(3))]), 3);
        assert_eq!(total(&[(B, Count::Fold { to: 7, amount: 20 }), reset(9)]), 20);
    }

    #[test]
    fn payloads_come_back_and_damaged_ones_count_as_nothing() {
        for count in [Count::Add(i64::MIN), Count::Fold { to: 1 << 40, amount: -3 }, Count::Reset(Seen::default())] {
            let bytes = count.write();
            assert_eq!(Count::parse(&bytes), Ok(count));
            assert!((0..bytes.len()).all(|cut| Count::parse(&bytes[..cut]).is_err()));
        }
        for bytes in [
            &b""[..],
            b"\x81\x01",
            b"\x82\x20\x01",
            b"\xa1\x41\x00\x01",
            b"\x01\x01",
            b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(Count::read(bytes), Count::Add(0), "{bytes:?}");
        }
    }
}
