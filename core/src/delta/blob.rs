//! Blobs: something encoded that stands on its own, with magic bytes, version and checksum.

use super::batch::Batch;
use super::body::Delta;
use super::live::{LiveDecoder, LiveEncoder, LiveError};
use crate::bounds;
use crate::bytes::{DecodeError, Reader, Writer, crc32};

const MAGIC: [u8; 2] = *b"Sy";
const VERSION: u8 = 1;
const DELTA: u8 = 0;
const BATCH: u8 = 1;

/// A file, a stored entry or anything else that leaves the system without a link around it.
///
/// Layout: `"Sy"`, a byte with the version in its upper and the kind in its lower half, the body, CRC-32 of all before it
/// (little-endian, polynomial of ISO-HDLC).
#[derive(Clone, Debug, PartialEq)]
pub enum Blob {
    /// A snapshot or a delta.
    Delta(Delta),
    /// The events of one transaction.
    Batch(Batch),
}

impl Blob {
    /// Encodes a delta or snapshot.
    pub fn encode_delta(delta: &Delta) -> Vec<u8> {
        seal(DELTA, &delta.encode())
    }

    /// Encodes a batch.
    pub fn encode_batch(batch: &Batch) -> Vec<u8> {
        let mut stream = LiveEncoder::default();
        let frame = stream.encode(batch);
        let mut body = Writer::with_capacity(frame.len() + 64);
        body.block(&stream.take_announcement().unwrap_or_default());
        body.bytes(&frame);
        seal(BATCH, body.as_slice())
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
            BATCH => {
                let mut reader = Reader::new(body);
                let mut stream = LiveDecoder::default();
                let malformed = |error| match error {
                    LiveError::Decode(error) => error,
                    LiveError::Unannounced => DecodeError::Range("stream table"),
                };
                stream.learn(reader.block(body.len())?).map_err(malformed)?;
                stream.decode(reader.take_rest()).map(Blob::Batch).map_err(malformed)
            }
            _ => Err(DecodeError::Range("kind of blob")),
        }
    }
}

fn seal(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Writer::with_capacity(body.len() + 8);
    out.bytes(&MAGIC);
    out.byte(VERSION << 4 | kind);
    out.bytes(body);
    let checksum = crc32(out.as_slice());
    out.bytes(&checksum.to_le_bytes());
    out.into_bytes()
}

fn open(bytes: &[u8]) -> Result<(u8, &[u8]), DecodeError> {
    let body = bytes.strip_prefix(&MAGIC[..]).ok_or(if bytes.len() < 7 {
        DecodeError::Truncated
    } else {
        DecodeError::Magic
    })?;
    let (&head, body) = body.split_first().ok_or(DecodeError::Truncated)?;
    if head >> 4 != VERSION {
        return Err(DecodeError::Version(head >> 4));
    }
    let (body, checksum) = body.split_last_chunk::<4>().ok_or(DecodeError::Truncated)?;
    let covered = &bytes[..bytes.len() - checksum.len()];
    if crc32(covered) != u32::from_le_bytes(*checksum) {
        return Err(DecodeError::Checksum);
    }
    Ok((head & 0x0f, body))
}
