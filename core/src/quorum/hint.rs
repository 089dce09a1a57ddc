//! Hints: what a stand-in still has to bring to members that were down.

use super::configuration::read_name;
use super::member::{MEMBERS, MemberId};
use crate::assoc::SortedMap;
use crate::bytes::{DecodeError, Reader, Writer};
use crate::clock::VersionVector;

/// Most bytes of hints of one room when encoded. Beyond it the cold path repairs the member.
pub const HINT_BYTES: usize = 1024 * 1024;

const FORMAT: u8 = 1;

/// What one member lacks, as far as this stand-in has promised to bring it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hint {
    /// What the member is known to hold: the delta since this is what to send.
    pub since: VersionVector,
    /// What it must hold before the hint is dropped.
    pub until: VersionVector,
    /// When the hint is dropped anyway, in milliseconds of the caller's clock.
    pub expires_ms: u64,
}

/// A hint cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HintError {
    /// More members than [`MEMBERS`], or more bytes than [`HINT_BYTES`].
    #[error("the room keeps hints for too much already: do not count this stand-in, the repair will bring the data")]
    Full,
}

/// The hints of one room on one stand-in.
///
/// A hint needs no queue of writes: the stand-in holds the data in a document, so the vector of what the member has is
/// enough to make the delta when it is back. The caller persists [`Hints::encode`] before it tells the coordinator
/// (*persist, then acknowledge*). After "Dynamo", DeCandia et al., 2007, section 4.6.
///
/// ```
/// use syncline::{clock::{ReplicaId, VersionVector}, quorum::{Hints, MemberId}};
/// let (down, writer) = (MemberId::new("us-1")?, ReplicaId::new(1, 1));
/// let version = |seq| [(writer, seq)].into_iter().collect::<VersionVector>();
/// let mut hints = Hints::default();
/// hints.keep(&down, &version(3), &version(5), 60_000)?;
/// assert_eq!(hints.due(&down).map(|hint| &hint.since), Some(&version(3)));
/// hints.delivered(&down, &version(5));
/// assert_eq!(hints.due(&down), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hints {
    kept: SortedMap<MemberId, Hint>,
}

impl Hints {
    /// Promises to bring `target`, which holds `since`, everything up to `until`. A hint that is there grows: it starts at
    /// the least that the member was known to hold, ends at the most that was promised, and expires at the later time.
    ///
    /// # Errors
    /// [`HintError::Full`]; nothing was promised.
    pub fn keep(
        &mut self,
        target: &MemberId,
        since: &VersionVector,
        until: &VersionVector,
        expires_ms: u64,
    ) -> Result<(), HintError> {
        let mut hint = Hint { since: since.clone(), until: until.clone(), expires_ms };
        let before = self.kept.get(target).cloned();
        if let Some(old) = &before {
            hint.since = old.since.meet(since);
            hint.until.join(&old.until);
            hint.expires_ms = expires_ms.max(old.expires_ms);
        }
        self.kept.insert(target.clone(), hint);
        if self.kept.len() <= MEMBERS && self.encode().len() <= HINT_BYTES {
            return Ok(());
        }
        match before {
            Some(old) => drop(self.kept.insert(target.clone(), old)),
            None => drop(self.kept.remove(target)),
        }
        Err(HintError::Full)
    }

    /// What a member that is back lacks.
    pub fn due(&self, target: &MemberId) -> Option<&Hint> {
        self.kept.get(target)
    }

    /// Who lacks something, in order.
    pub fn targets(&self) -> impl Iterator<Item = &MemberId> {
        self.kept.iter().map(|(id, _)| id)
    }

    /// Notes what a member holds on disk now; the hint ends when that is all that was promised.
    pub fn delivered(&mut self, target: &MemberId, durable: &VersionVector) {
        if let Some(hint) = self.kept.get_mut(target) {
            hint.since.join(durable);
            if hint.since.includes(&hint.until) {
                self.kept.remove(target);
            }
        }
    }

    /// Drops what has expired and returns whom it was for: those are left to the cold path.
    pub fn expire(&mut self, now_ms: u64) -> Vec<MemberId> {
        let mut dropped = Vec::new();
        self.kept.retain(|id, hint| {
            let expired = hint.expires_ms <= now_ms;
            if expired {
                dropped.push(id.clone());
            }
            !expired
        });
        dropped
    }

    /// When the next hint expires, in milliseconds.
    pub fn next_expiry(&self) -> Option<u64> {
        self.kept.iter().map(|(_, hint)| hint.expires_ms).min()
    }

    /// Encodes all hints, to be kept over a restart.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(FORMAT);
        out.varint(self.kept.len() as u64);
        for (id, hint) in self.kept.iter() {
            out.block(id.as_str().as_bytes());
            out.varint(hint.expires_ms);
            hint.since.write(&mut out);
            hint.until.write(&mut out);
        }
        out.into_bytes()
    }

    /// Decodes what [`Hints::encode`] made.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are damaged, not in order, or more than [`HINT_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > HINT_BYTES {
            return Err(DecodeError::TooLarge { what: "hints", limit: HINT_BYTES });
        }
        let mut reader = Reader::new(bytes);
        match reader.byte()? {
            FORMAT => {}
            other => return Err(DecodeError::Version(other)),
        }
        // A name of one letter, a time and two empty vectors take 7 bytes.
        let count = reader.count(7, MEMBERS)?;
        let mut hints = Hints::default();
        for _ in 0..count {
            let id = read_name(&mut reader)?.ok_or(DecodeError::Range("member id"))?;
            let expires_ms = reader.varint()?;
            let since = VersionVector::read(&mut reader)?;
            let until = VersionVector::read(&mut reader)?;
            if hints.kept.position(&id) != Err(hints.kept.len()) {
                return Err(DecodeError::Range("order of hints"));
            }
            hints.kept.insert(id, Hint { since, until, expires_ms });
        }
        reader.finish()?;
        Ok(hints)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{id, seen};
    use super::*;

    #[test]
    fn a_hint_grows_at_both_ends_and_ends_when_all_is_delivered() -> Result<(), HintError> {
        let mut hints = Hints::default();
        hints.keep(&id("b"), &seen(3), &seen(5), 100)?;
        hints.keep(&id("b"), &seen(4), &seen(9), 90)?;
        assert_eq!(hints.due(&id("b")), Some(&Hint { since: seen(3), until: seen(9), expires_ms: 100 }));
        hints.delivered(&id("b"), &seen(8));
        assert_eq!(hints.due(&id("b")).map(|hint| &hint.since), Some(&seen(8)));
        hints.delivered(&id("b"), &seen(9));
        assert_eq!(hints.targets().count(), 0);
        Ok(())
    }

    #[test]
    fn hints_expire_at_their_time() -> Result<(), HintError> {
        let mut hints = Hints::default();
        hints.keep(&id("b"), &seen(3), &seen(5), 100)?;
        hints.keep(&id("c"), &seen(3), &seen(5), 200)?;
        assert_eq!((hints.next_expiry(), hints.expire(99)), (Some(100), vec![]));
        assert_eq!((hints.expire(100), hints.next_expiry()), (vec![id("b")], Some(200)));
        Ok(())
    }

    #[test]
    fn more_members_than_a_configuration_has_are_refused() -> Result<(), HintError> {
        let mut hints = Hints::default();
        for number in 0..MEMBERS {
            hints.keep(&id(&number.to_string()), &seen(1), &seen(2), 9)?;
        }
        let before = hints.clone();
        assert_eq!(hints.keep(&id("x"), &seen(1), &seen(2), 9), Err(HintError::Full));
        assert_eq!(hints, before);
        hints.keep(&id("7"), &seen(1), &seen(3), 9)
    }

    #[test]
    fn hints_come_back_from_their_bytes() -> Result<(), Box<dyn std::error::Error>> {
        let mut hints = Hints::default();
        hints.keep(&id("b"), &seen(3), &seen(5), 100)?;
        hints.keep(&id("c"), &VersionVector::default(), &seen(5), 1 << 40)?;
        let bytes = hints.encode();
        assert_eq!(Hints::decode(&bytes)?, hints);
        assert!((0..bytes.len()).all(|cut| Hints::decode(&bytes[..cut]).is_err()));
        assert_eq!(Hints::decode(&[2, 0]), Err(DecodeError::Version(2)));
        assert!(Hints::decode(&[1, 2, 1, b'b', 0, 0, 0, 0, 0, 1, b'a', 0, 0, 0, 0, 0]).is_err());
        Ok(())
    }
}
