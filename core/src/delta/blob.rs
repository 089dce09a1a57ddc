//! Blobs: something encoded that stands on its own, with magic bytes, version and checksum.

use super::batch::Batch;
use super::body::Delta;
use super::live::{LiveDecoder, LiveEncoder};
use super::round::{Round, read_handover, write_handover};
use crate::bounds;
use crate::bytes::{DecodeError, Reader, Writer, crc32};
use crate::clock::Handover;

/// The first byte. One is enough beside a checksum of 32 bits.
const MAGIC: u8 = b'S';
const VERSION: u8 = 1;
const DELTA: u8 = 0;
const BATCH: u8 = 1;
const HANDOVER: u8 = 2;
const ROUND: u8 = 3;

/// A file, a stored entry or anything else that leaves the system without a link around it.
///
/// Layout: `S`, a byte with the version in its upper and the kind in its lower half, the body, CRC-32 of all before it
/// (little-endian, polynomial of ISO-HDLC).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "a blob is taken apart as soon as it is decoded")]
pub enum Blob {
    /// A snapshot or a delta.
    Delta(Delta),
    /// The events of one transaction.
    Batch(Batch),
    /// Events go on under another id.
    Handover(Handover),
    /// Ids are retired.
    Round(Round),
}

impl Blob {
    /// Encodes a delta or snapshot.
    pub fn encode_delta(delta: &Delta) -> Vec<u8> {
        seal(DELTA, &delta.encode())
    }

    /// Encodes a batch.
    pub fn encode_batch(batch: &Batch) -> Vec<u8> {
        seal(BATCH, &LiveEncoder::standalone(batch))
    }

    /// Encodes a handover.
    pub fn encode_handover(handover: &Handover) -> Vec<u8> {
        let mut body = Writer::default();
        write_handover(&mut body, handover);
        seal(HANDOVER, body.as_slice())
    }

    /// Encodes a round of retirement.
    pub fn encode_round(round: &Round) -> Vec<u8> {
        let mut body = Writer::default();
        round.write(&mut body);
        seal(ROUND, body.as_slice())
    }

    /// Decodes a blob.
    ///
    /// # Errors
    /// [`DecodeError`]: not a blob, of a later version, damaged, or larger than [`bounds::MESSAGE_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Blob, DecodeError> {
        if bytes.len() > bounds::MESSAGE_BYTES {
            return Err(DecodeError::TooLarge { what: "blob", limit: bounds::MESSAGE_BYTES });
        }
        let (kind, body) = open(bytes)?;
        match kind {
            DELTA => Delta::decode(body).map(Blob::Delta),
            BATCH => LiveDecoder::standalone(body).map(Blob::Batch),
            HANDOVER => whole(body, read_handover).map(Blob::Handover),
            ROUND => whole(body, Round::read).map(Blob::Round),
            _ => Err(DecodeError::Range("kind of blob")),
        }
    }
}

/// Reads all of a body.
fn whole<T>(body: &[u8], read: fn(&mut Reader<'_>) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    let mut reader = Reader::new(body);
    let read = read(&mut reader)?;
    reader.finish().map(|()| read)
}

fn seal(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Writer::with_capacity(body.len() + 8);
    out.byte(MAGIC);
    out.byte(VERSION << 4 | kind);
    out.bytes(body);
    let checksum = crc32(out.as_slice());
    out.bytes(&checksum.to_le_bytes());
    out.into_bytes()
}

fn open(bytes: &[u8]) -> Result<(u8, &[u8]), DecodeError> {
    let (&magic, rest) = bytes.split_first().ok_or(DecodeError::Truncated)?;
    if magic != MAGIC {
        return Err(DecodeError::Magic);
    }
    let (&head, rest) = rest.split_first().ok_or(DecodeError::Truncated)?;
    if head >> 4 != VERSION {
        return Err(DecodeError::Version(head >> 4));
    }
    let (body, checksum) = rest.split_last_chunk::<4>().ok_or(DecodeError::Truncated)?;
    let covered = &bytes[..bytes.len() - checksum.len()];
    if crc32(covered) != u32::from_le_bytes(*checksum) {
        return Err(DecodeError::Checksum);
    }
    Ok((head & 0x0f, body))
}
