//! Bounded counters: rows of rights, each written by one replica only.
//!
//! A replica that adds mints rights to take as much away again; it may use them itself or give them to others. Nobody takes
//! more than they have, so the sum never falls below the bound, whoever does what at the same time
//! (Balegas et al.: "Extending Eventually Consistent Cloud Databases for Enforcing Numeric Invariants", SRDS 2015).

use crate::assoc::SortedMap;
use crate::bytes::cbor::{self, CborReader};
use crate::bytes::{DecodeError, SmallBytes};
use crate::clock::ReplicaId;
use ciborium_ll::Header;

/// What one replica has done: it only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) minted: u64,
    pub(crate) used: u64,
    pub(crate) given: SortedMap<ReplicaId, u64>,
}

impl Row {
    /// The CBOR array `[minted, used, {replica: given}]`.
    pub(crate) fn write(&self) -> SmallBytes {
        let mut out = Vec::new();
        cbor::push(&mut out, Header::Array(Some(3)));
        cbor::push(&mut out, Header::Positive(self.minted));
        cbor::push(&mut out, Header::Positive(self.used));
        cbor::push(&mut out, Header::Map(Some(self.given.len())));
        for (to, amount) in self.given.iter() {
            cbor::push_bytes(&mut out, to.as_bytes());
            cbor::push(&mut out, Header::Positive(*amount));
        }
        out.into()
    }

    fn read(payload: &[u8]) -> Result<Row, DecodeError> {
        const BAD: DecodeError = DecodeError::Range("row");
        let mut reader = CborReader::new(payload);
        if reader.array(3)? != 3 {
            return Err(BAD);
        }
        let mut row = Row { minted: reader.uint()?, used: reader.uint()?, given: SortedMap::default() };
        let length = match reader.header()? {
            Header::Map(Some(length)) if length <= reader.remaining() => length,
            _ => return Err(BAD),
        };
        for _ in 0..length {
            let to = <[u8; 16]>::try_from(reader.bytes(16)?).map_err(|_| BAD)?;
            row.given.insert(ReplicaId::from_bytes(to), reader.uint()?);
        }
        reader.finish().map(|()| row)
    }

    /// The row that these dots amount to: almost always there is one. Damaged ones count as nothing.
    pub(crate) fn merge<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Row {
        let mut merged = Row::default();
        for row in payloads.filter_map(|payload| Row::read(payload).ok()) {
            merged.minted = merged.minted.max(row.minted);
            merged.used = merged.used.max(row.used);
            for (to, amount) in row.given.iter() {
                let known = merged.given.get_or_insert_with(*to, || 0);
                *known = (*known).max(*amount);
            }
        }
        merged
    }

    /// What the replica has left of what it minted itself; negative if it lives on what others gave.
    pub(crate) fn left(&self) -> i128 {
        let given: i128 = self.given.iter().map(|(_, amount)| i128::from(*amount)).sum();
        i128::from(self.minted) - i128::from(self.used) - given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_damaged_ones_count_as_nothing() {
        let mut row = Row { minted: u64::MAX, used: 3, ..Row::default() };
        row.given.insert(ReplicaId::from_bytes([7; 16]), 1 << 40);
        let bytes = row.write();
        assert_eq!(Row::read(&bytes), Ok(row.clone()));
        for cut in 0..bytes.len() {
            assert_eq!(Row::merge([&bytes[..cut], &bytes].into_iter()), row);
            assert_eq!(Row::merge([&bytes[..cut]].into_iter()), Row::default());
        }
        assert_eq!(row.left(), i128::from(u64::MAX) - 3 - (1 << 40));
    }
}
