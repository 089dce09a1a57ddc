//! Messages from their bytes.

use super::error::{ErrorCode, RemoteError};
use super::message::*;
use super::resume::{Resume, Resumed};
use crate::bounds;
use crate::bytes::cbor::CborReader;
use crate::bytes::{DecodeError, Reader};
use crate::clock::{Handover, ReplicaId, VersionVector};
use crate::delta::{Digest, Round, read_id, read_ids};
use ciborium_ll::{Header, simple};

pub(super) fn live_alias(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    u32::try_from(reader.varint()?).map_err(|_| DecodeError::Range("room number"))
}

pub(super) fn decode_many(bytes: &[u8]) -> Result<Message, DecodeError> {
    let mut reader = Reader::new(bytes);
    let alias = live_alias(&mut reader)?;
    let mut frames = Vec::new();
    while !reader.is_empty() {
        let frame = reader.block(bounds::MESSAGE_BYTES)?;
        if frame.is_empty() {
            return Err(DecodeError::Range("live frame"));
        }
        frames.push(frame.to_vec());
    }
    Ok(Message::Live { alias, frames })
}

pub(super) fn decode_array(bytes: &[u8]) -> Result<Message, DecodeError> {
    let mut reader = CborReader::new(bytes);
    // Later versions may append fields; what this one knows comes first, and the rest is left unread.
    let items = reader.array(23)?;
    let kind = reader.uint()?;
    let least = match kind {
        HELLO | OPENED | RESUMED => 6,
        ERROR => 5,
        OPEN | RESUME | ACK => 4,
        DELTA | ANNOUNCE | PRESENCE | ASK | RETIRED | ROUND => 3,
        _ => 2,
    };
    if items < least {
        return Err(DecodeError::Truncated);
    }
    let message = match kind {
        HELLO => Message::Hello(decode_hello(&mut reader)?),
        OPEN => Message::Open(Open {
            room: room_name(&mut reader)?,
            replica: replica(&mut reader)?,
            version: version(&mut reader)?,
        }),
        OPENED => Message::Opened(Opened {
            alias: alias(&mut reader)?,
            version: version(&mut reader)?,
            durable: version(&mut reader)?,
            digest: Digest(u128::from_be_bytes(array(&mut reader)?)),
            stream: reader.bytes(bounds::MESSAGE_BYTES)?,
        }),
        DELTA => Message::Delta { alias: alias(&mut reader)?, body: reader.bytes(bounds::MESSAGE_BYTES)? },
        ANNOUNCE => Message::Announce { alias: alias(&mut reader)?, body: reader.bytes(bounds::MESSAGE_BYTES)? },
        ACK => Message::Ack { alias: alias(&mut reader)?, level: level(&mut reader)?, version: version(&mut reader)? },
        PRESENCE => Message::Presence { alias: alias(&mut reader)?, entries: presence(&mut reader)? },
        ERROR => decode_error(&mut reader)?,
        LEAVE => Message::Leave { alias: alias(&mut reader)? },
        PING => Message::Ping(reader.uint()?),
        PONG => Message::Pong(reader.uint()?),
        DRAIN => Message::Drain(reader.uint()?),
        TOKEN => Message::Token(reader.text(bounds::FIELD_BYTES)?),
        TRACE => Message::Trace(reader.text(bounds::FIELD_BYTES)?),
        RESUME | RESUMED | TELL | ASK | RETIRED | ROUND => decode_later(kind, &mut reader)?,
        _ => return Err(DecodeError::Range("message type")),
    };
    if items == least {
        reader.finish()?;
    }
    Ok(message)
}

/// Messages about resuming and retirement.
fn decode_later(kind: u64, reader: &mut CborReader<'_>) -> Result<Message, DecodeError> {
    Ok(match kind {
        RESUME => Message::Resume(Resume {
            room: room_name(reader)?,
            replica: replica(reader)?,
            sketch: reader.bytes(bounds::MESSAGE_BYTES)?,
        }),
        RESUMED => Message::Resumed(Resumed {
            alias: alias(reader)?,
            version: reader.bytes(bounds::MESSAGE_BYTES)?,
            durable: reader.bytes(bounds::MESSAGE_BYTES)?,
            digest: Digest(u128::from_be_bytes(array(reader)?)),
            stream: reader.bytes(bounds::MESSAGE_BYTES)?,
        }),
        TELL => Message::Tell { room: room_name(reader)? },
        ASK => Message::Ask { alias: alias(reader)?, ids: read_written(reader, read_ids)? },
        RETIRED => Message::Retired { alias: alias(reader)?, fates: read_written(reader, read_fates)? },
        _ => Message::Round { alias: alias(reader)?, round: read_written(reader, Round::read)? },
    })
}

fn decode_hello(reader: &mut CborReader<'_>) -> Result<Hello, DecodeError> {
    let (protocol, features, agent) = (reader.uint()?, reader.uint()?, reader.text(bounds::FIELD_BYTES)?);
    let token = match reader.header()? {
        Header::Simple(simple::NULL) => None,
        Header::Text(Some(length)) if length <= bounds::FIELD_BYTES => Some(reader.text_body(length)?),
        _ => return Err(DecodeError::Range("token")),
    };
    Ok(Hello { protocol, features, agent, token, now_ms: reader.uint()? })
}

fn decode_error(reader: &mut CborReader<'_>) -> Result<Message, DecodeError> {
    let alias = match reader.header()? {
        Header::Simple(simple::NULL) => None,
        Header::Positive(alias) => Some(u32::try_from(alias).map_err(|_| DecodeError::Range("room number"))?),
        _ => return Err(DecodeError::Range("room number")),
    };
    let (code, message) = (ErrorCode::from_number(reader.uint()?), reader.text(bounds::FIELD_BYTES)?);
    let temporary = match reader.header()? {
        Header::Simple(simple::TRUE) => true,
        Header::Simple(simple::FALSE) => false,
        _ => return Err(DecodeError::Range("error")),
    };
    Ok(Message::Error { alias, error: RemoteError { code, message, temporary } })
}

fn presence(reader: &mut CborReader<'_>) -> Result<PresenceEntries, DecodeError> {
    let count = reader.array(bounds::PRESENCE_CLIENTS)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        if reader.array(2)? != 2 {
            return Err(DecodeError::Range("presence"));
        }
        let client = replica(reader)?;
        let state = match reader.header()? {
            Header::Simple(simple::NULL) => None,
            Header::Bytes(Some(length)) if length <= bounds::PRESENCE_BYTES => Some(reader.body(length)?),
            _ => return Err(DecodeError::Range("presence")),
        };
        entries.push((client, state));
    }
    Ok(entries)
}

fn array<const N: usize>(reader: &mut CborReader<'_>) -> Result<[u8; N], DecodeError> {
    reader.bytes(N)?.try_into().map_err(|_| DecodeError::Range("byte string"))
}

fn replica(reader: &mut CborReader<'_>) -> Result<ReplicaId, DecodeError> {
    array(reader).map(ReplicaId::from_bytes)
}

fn version(reader: &mut CborReader<'_>) -> Result<VersionVector, DecodeError> {
    VersionVector::decode(&reader.bytes(bounds::MESSAGE_BYTES)?)
}

fn alias(reader: &mut CborReader<'_>) -> Result<u32, DecodeError> {
    u32::try_from(reader.uint()?).map_err(|_| DecodeError::Range("room number"))
}

fn level(reader: &mut CborReader<'_>) -> Result<AckLevel, DecodeError> {
    let number = usize::try_from(reader.uint()?).unwrap_or(usize::MAX);
    AckLevel::ALL.get(number).copied().ok_or(DecodeError::Range("ack level"))
}

fn room_name(reader: &mut CborReader<'_>) -> Result<String, DecodeError> {
    let name = reader.text(bounds::ROOM_NAME_BYTES)?;
    let sound = !name.is_empty() && !name.chars().any(char::is_control);
    if sound { Ok(name) } else { Err(DecodeError::Range("room name (it is empty or has control characters)")) }
}

fn read_written<T>(
    reader: &mut CborReader<'_>,
    read: fn(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let body = reader.bytes(bounds::MESSAGE_BYTES)?;
    let mut reader = Reader::new(&body);
    let read = read(&mut reader)?;
    reader.finish().map(|()| read)
}

fn read_fates(reader: &mut Reader<'_>) -> Result<Fates, DecodeError> {
    let count = reader.count(17, bounds::REPLICAS)?;
    let mut fates = Vec::with_capacity(count);
    for _ in 0..count {
        let from = read_id(reader)?;
        let handover = match reader.byte()? {
            0 => None,
            1 => Some(Handover { from, taken: reader.varint()?, heir: read_id(reader)? }),
            _ => return Err(DecodeError::Range("handover")),
        };
        fates.push((from, handover));
    }
    Ok(fates)
}
