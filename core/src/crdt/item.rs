//! Items of lists: a position and a value, each a last-writer-wins register, in one leaf.
//!
//! So an item can be moved and set at the same time, and a move never makes two of one
//! (Kleppmann: "Moving Elements in List CRDTs", 2020). A payload is the CBOR array
//! `[position, value]` if the dot that carries it wrote both, else `[position, which, time, replica, number, value]`: the
//! stamp is that of the older part, the position for `which` 0 and the value for 1, and the dot wrote the other.

use super::register::Stamp;
use crate::bytes::cbor::{self, CborReader};
use crate::clock::{Hlc, ReplicaId};
use ciborium_ll::Header;

/// One item, or what one dot says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) position: &'a [u8],
    pub(crate) placed: Stamp,
    /// Encoded.
    pub(crate) value: &'a [u8],
    pub(crate) written: Stamp,
}

impl<'a> Item<'a> {
    /// Reads the payload of the dot that `own` stamps; `None` if it is damaged.
    pub(crate) fn read(payload: &'a [u8], own: Stamp) -> Option<Self> {
        let mut reader = CborReader::new(payload);
        let fields = match reader.header().ok()? {
            Header::Array(Some(fields @ (2 | 6))) => fields,
            _ => return None,
        };
        let length = match reader.header().ok()? {
            Header::Bytes(Some(length)) => length,
            _ => return None,
        };
        let (position, rest) = payload[payload.len() - reader.remaining()..].split_at_checked(length)?;
        if fields == 2 {
            return Some(Item { position, placed: own, value: rest, written: own }).filter(|_| !rest.is_empty());
        }
        let mut reader = CborReader::new(rest);
        let which = reader.uint().ok()?;
        let hlc = Hlc::from_u64(reader.uint().ok()?);
        let replica = ReplicaId::from_bytes(reader.bytes(16).ok()?.try_into().ok()?);
        let older = Stamp { hlc, replica, seq: reader.uint().ok()? };
        let value = &rest[rest.len() - reader.remaining()..];
        let (placed, written) = if which == 0 { (older, own) } else { (own, older) };
        Some(Item { position, placed, value, written }).filter(|_| !value.is_empty())
    }

    /// What several dots of one item amount to: the newest position and the newest value.
    pub(crate) fn merge(dots: impl Iterator<Item = (Stamp, &'a [u8])>) -> Option<Self> {
        let mut merged: Option<Item<'a>> = None;
        for item in dots.filter_map(|(stamp, payload)| Item::read(payload, stamp)) {
            let best = merged.get_or_insert(item);
            if item.placed > best.placed {
                (best.position, best.placed) = (item.position, item.placed);
            }
            if item.written > best.written {
                (best.value, best.written) = (item.value, item.written);
            }
        }
        merged
    }
}

/// The payload of a new item.
pub(crate) fn new_item(position: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    cbor::push(&mut out, Header::Array(Some(2)));
    cbor::push_bytes(&mut out, position);
    out.extend_from_slice(value);
    out
}

/// The payload of an item that is moved; its value stays as old as it is.
pub(crate) fn moved_item(position: &[u8], item: &Item<'_>) -> Vec<u8> {
    with_older(position, 1, item.written, item.value)
}

/// The payload of an item that is set; its position stays as old as it is.
pub(crate) fn set_item(value: &[u8], item: &Item<'_>) -> Vec<u8> {
    with_older(item.position, 0, item.placed, value)
}

fn with_older(position: &[u8], which: u64, older: Stamp, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    cbor::push(&mut out, Header::Array(Some(6)));
    cbor::push_bytes(&mut out, position);
    cbor::push(&mut out, Header::Positive(which));
    cbor::push(&mut out, Header::Positive(older.hlc.as_u64()));
    cbor::push_bytes(&mut out, older.replica.as_bytes());
    cbor::push(&mut out, Header::Positive(older.seq));
    out.extend_from_slice(value);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(number: u64) -> Stamp {
        Stamp { hlc: Hlc::from_u64(number), replica: ReplicaId::from_bytes([number as u8; 16]), seq: number }
    }

    #[test]
    fn a_move_and_a_set_at_the_same_time_both_count() {
        let made = new_item(b"p", b"\x01");
        let before = Item::read(&made, stamp(1)).unwrap();
        let (moved, set) = (moved_item(b"q", &before), set_item(b"\x02", &before));
        for dots in [[(stamp(2), &*moved), (stamp(3), &*set)], [(stamp(5), &*set), (stamp(4), &*moved)]] {
            let item = Item::merge(dots.into_iter()).unwrap();
            assert_eq!((item.position, item.value), (&b"q"[..], &b"\x02"[..]));
        }
    }

    #[test]
    fn payloads_that_are_cut_short_are_no_items() {
        let made = new_item(b"position", b"\x01");
        let moved = moved_item(b"q", &Item::read(&made, stamp(1)).unwrap());
        assert_eq!(Item::read(&moved, stamp(2)).unwrap().written, stamp(1));
        assert!((0..made.len()).all(|cut| Item::read(&made[..cut], stamp(1)).is_none()));
        assert!((0..moved.len()).all(|cut| Item::read(&moved[..cut], stamp(1)).is_none()));
    }
}
