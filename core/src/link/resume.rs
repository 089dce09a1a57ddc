//! Opening a room again in few bytes: both sides know most of what was seen.

use super::message::Opened;
use crate::bytes::DecodeError;
use crate::clock::{ReplicaId, VersionVector};
use crate::delta::Digest;

/// Asks for a room as [`Open`](super::Open) does, in fewer bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Resume {
    /// Its name.
    pub room: String,
    /// The id under which the sender writes.
    pub replica: ReplicaId,
    /// What the sender has seen, as [`VersionVector::sketch`] makes it.
    pub sketch: Vec<u8>,
}

/// The answer to [`Resume`]: what [`Opened`] says, beside what the asker has seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Resumed {
    /// The number that stands for the room from now on.
    pub alias: u32,
    /// What the relay has seen, encoded beside what the asker has.
    pub version: Vec<u8>,
    /// The part of it that is on the disk, encoded beside it.
    pub durable: Vec<u8>,
    /// The digest of the relay's state.
    pub digest: Digest,
    /// The announcement that the room's live stream begins with.
    pub stream: Vec<u8>,
}

impl Opened {
    /// Encodes it for an asker that has seen `base`.
    pub fn beside(&self, base: &VersionVector) -> Resumed {
        Resumed {
            alias: self.alias,
            version: self.version.encode_beside(base),
            durable: self.durable.encode_beside(&self.version),
            digest: self.digest,
            stream: self.stream.clone(),
        }
    }
}

impl Resumed {
    /// Decodes it with what the asker had seen when it asked.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn opened(self, base: &VersionVector) -> Result<Opened, DecodeError> {
        let version = VersionVector::decode_beside(&self.version, base)?;
        let durable = VersionVector::decode_beside(&self.durable, &version)?;
        Ok(Opened { alias: self.alias, version, durable, digest: self.digest, stream: self.stream })
    }
}
