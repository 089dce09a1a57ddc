//! The messages of a session.

use crate::bounds;
use crate::bytes::{DecodeError, Reader, Writer};
use crate::clock::VersionVector;
use crate::delta::{Delta, Digest};
use crate::doc::Doc;

const HELLO: u8 = 1;
const SAME: u8 = 2;
const WELCOME: u8 = 3;
const LAST: u8 = 4;
const DELTA: u8 = 5;
const SET: u8 = 6;
const AUDIT: u8 = 7;

/// Who begins, and what it has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hello {
    pub(crate) seed: u64,
    /// Whether its live dots can be numbered: none is of a retired id.
    pub(crate) cells: bool,
    pub(crate) version: VersionVector,
    pub(crate) digest: Digest,
}

impl Hello {
    pub(crate) fn of(doc: &Doc, seed: u64) -> Hello {
        Hello { seed, cells: !doc.holds_retired(), version: doc.version(), digest: doc.digest() }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Message {
    Hello(Hello),
    /// Nothing (more) to do.
    Same,
    /// What the other side lacks; `whole` unless deletes that it has not seen were pruned here, `plain` if cells are out of
    /// the question, so that both deltas are complete where need be.
    Welcome {
        whole: bool,
        plain: bool,
        delta: Delta,
    },
    /// The delta in return, where deltas do.
    Last(Delta),
    /// The delta in return, with the opening of the cells.
    Delta {
        delta: Delta,
        open: Vec<u8>,
    },
    Set(Vec<u8>),
    Audit(Vec<u8>),
}

impl Message {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Message::Hello(hello) => {
                out.byte(HELLO);
                out.byte(u8::from(hello.cells));
                out.bytes(&hello.seed.to_le_bytes());
                out.bytes(&hello.digest.0.to_le_bytes());
                hello.version.write(&mut out);
            }
            Message::Same => out.byte(SAME),
            Message::Welcome { whole, plain, delta } => {
                out.byte(WELCOME);
                out.byte(u8::from(*whole) | u8::from(*plain) << 1);
                out.bytes(&delta.encode());
            }
            Message::Last(delta) => {
                out.byte(LAST);
                out.bytes(&delta.encode());
            }
            Message::Delta { delta, open } => {
                out.byte(DELTA);
                out.block(open);
                out.bytes(&delta.encode());
            }
            Message::Set(bytes) => {
                out.byte(SET);
                out.bytes(bytes);
            }
            Message::Audit(bytes) => {
                out.byte(AUDIT);
                out.bytes(bytes);
            }
        }
        out.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Message, DecodeError> {
        if bytes.len() > bounds::MESSAGE_BYTES {
            return Err(DecodeError::TooLarge { what: "message", limit: bounds::MESSAGE_BYTES });
        }
        let mut reader = Reader::new(bytes);
        match reader.byte()? {
            HELLO => {
                let cells = reader.byte()? != 0;
                let (mut seed, mut digest) = ([0; 8], [0; 16]);
                seed.copy_from_slice(reader.take(8)?);
                digest.copy_from_slice(reader.take(16)?);
                let version = VersionVector::read(&mut reader)?;
                reader.finish()?;
                let digest = Digest(u128::from_le_bytes(digest));
                Ok(Message::Hello(Hello { seed: u64::from_le_bytes(seed), cells, version, digest }))
            }
            SAME => reader.finish().map(|()| Message::Same),
            WELCOME => {
                let bits = reader.byte()?;
                let (whole, plain) = (bits & 1 != 0, bits & 2 != 0);
                Ok(Message::Welcome { whole, plain, delta: Delta::decode(reader.take_rest())? })
            }
            LAST => Ok(Message::Last(Delta::decode(reader.take_rest())?)),
            DELTA => {
                let open = reader.block(OPEN_BYTES)?.to_vec();
                Ok(Message::Delta { open, delta: Delta::decode(reader.take_rest())? })
            }
            SET => Ok(Message::Set(reader.take_rest().to_vec())),
            AUDIT => Ok(Message::Audit(reader.take_rest().to_vec())),
            _ => Err(DecodeError::Range("kind of message")),
        }
    }
}

/// Longest opening of a set: kind, number, sum and check.
const OPEN_BYTES: usize = 32;
