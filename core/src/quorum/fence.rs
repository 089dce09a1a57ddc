//! Fences: the writes of a primary that was replaced are refused.

use super::configuration::{Configuration, read_name};
use super::level::Level;
use super::member::MemberId;
use crate::bytes::{DecodeError, Reader, Writer};
use std::collections::VecDeque;

/// Who may write as the primary, from which epoch on. What a member has promised, kept on its disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FenceRecord {
    /// The number of the term; a later one ends all before it.
    pub epoch: u64,
    /// The primary of that term.
    pub holder: MemberId,
}

impl FenceRecord {
    /// Encodes the record.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.varint(self.epoch);
        out.block(self.holder.as_str().as_bytes());
        out.into_bytes()
    }

    /// Decodes what [`FenceRecord::encode`] made.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let epoch = reader.varint()?;
        let holder = read_name(&mut reader)?.ok_or(DecodeError::Range("member id"))?;
        reader.finish()?;
        Ok(FenceRecord { epoch, holder })
    }
}

/// What happened at a member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FenceInput {
    /// Someone wants to be the primary of a term.
    Claim(FenceRecord),
    /// The record is on disk.
    Forced(FenceRecord),
    /// A primary wants to write; the ticket comes back.
    Write {
        /// Who writes, in which term.
        by: FenceRecord,
        /// The caller's number for the write.
        ticket: u64,
    },
}

/// What a member is to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FenceOutput {
    /// Put the record and all writes admitted before it on disk with fsync, then say [`FenceInput::Forced`].
    Force(FenceRecord),
    /// Tell the claimant that no earlier primary writes here any more, and what is on disk here: it must merge that from
    /// a majority before it writes.
    Promise(FenceRecord),
    /// Tell the claimant that a later term is known, or the same term under another primary.
    Outrun {
        /// Whom to tell.
        claim: FenceRecord,
        /// The term that is known.
        known: u64,
    },
    /// Take the write.
    Admit(u64),
    /// Refuse the write.
    Refuse {
        /// The caller's number.
        ticket: u64,
        /// The term that is known.
        known: u64,
    },
    /// Nothing until the next input.
    Idle,
}

/// The promise of one member: it takes writes of one primary only, and never again of an earlier one.
///
/// There is no clock in it. A primary that hangs for an hour and goes on is refused by every member that has promised a
/// later term, and those are a majority (fencing tokens, as in Gray and Cheriton, "Leases", 1989, without the time).
///
/// ```
/// use syncline::quorum::{Fence, FenceInput, FenceOutput, FenceRecord, MemberId};
/// let (old, new) = (MemberId::new("a")?, MemberId::new("b")?);
/// let mut fence = Fence::recover(Some(FenceRecord { epoch: 1, holder: old.clone() }));
/// let claim = FenceRecord { epoch: 2, holder: new };
/// fence.handle(FenceInput::Claim(claim.clone()));
/// assert_eq!(fence.poll(), FenceOutput::Force(claim.clone()));
/// fence.handle(FenceInput::Forced(claim.clone()));
/// assert_eq!(fence.poll(), FenceOutput::Promise(claim));
/// fence.handle(FenceInput::Write { by: FenceRecord { epoch: 1, holder: old }, ticket: 9 });
/// assert_eq!(fence.poll(), FenceOutput::Refuse { ticket: 9, known: 2 });
/// # Ok::<(), syncline::quorum::MemberError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fence {
    promised: Option<FenceRecord>,
    forcing: Option<FenceRecord>,
    out: VecDeque<FenceOutput>,
}

impl Fence {
    /// Starts from the last record on disk, if there is one.
    pub fn recover(promised: Option<FenceRecord>) -> Self {
        Fence { promised, forcing: None, out: VecDeque::new() }
    }

    /// What is promised and on disk.
    pub fn promised(&self) -> Option<&FenceRecord> {
        self.promised.as_ref()
    }

    /// Takes an input. Each leads to at most one output.
    pub fn handle(&mut self, input: FenceInput) {
        let output = match input {
            FenceInput::Claim(claim) => self.claim(claim),
            FenceInput::Forced(record) => self.forced(record),
            FenceInput::Write { by, ticket } => Some(self.write(&by, ticket)),
        };
        self.out.extend(output);
    }

    /// The next thing to do. Ask until it says [`FenceOutput::Idle`].
    pub fn poll(&mut self) -> FenceOutput {
        self.out.pop_front().unwrap_or(FenceOutput::Idle)
    }

    /// The latest record, on disk or on its way there.
    fn latest(&self) -> Option<&FenceRecord> {
        self.forcing.as_ref().or(self.promised.as_ref())
    }

    fn claim(&mut self, claim: FenceRecord) -> Option<FenceOutput> {
        match self.latest() {
            Some(latest) if *latest == claim => self.forcing.is_none().then_some(FenceOutput::Promise(claim)),
            Some(latest) if latest.epoch >= claim.epoch => Some(FenceOutput::Outrun { known: latest.epoch, claim }),
            _ => {
                self.forcing = Some(claim.clone());
                Some(FenceOutput::Force(claim))
            }
        }
    }

    fn forced(&mut self, record: FenceRecord) -> Option<FenceOutput> {
        if self.forcing.as_ref() != Some(&record) {
            return None;
        }
        self.forcing = None;
        self.promised = Some(record.clone());
        Some(FenceOutput::Promise(record))
    }

    fn write(&self, by: &FenceRecord, ticket: u64) -> FenceOutput {
        if self.forcing.is_none() && self.promised.as_ref() == Some(by) {
            return FenceOutput::Admit(ticket);
        }
        FenceOutput::Refuse { ticket, known: self.latest().map_or(0, |latest| latest.epoch) }
    }
}

/// The side of who wants to be primary: counts the promises, by member.
///
/// ```
/// use syncline::quorum::{Claim, Configuration, FenceRecord, MemberId};
/// let ids = ["a", "b", "c"].map(MemberId::new);
/// let members = ids.iter().cloned().map(|id| id.map(Into::into)).collect::<Result<_, _>>()?;
/// let [a, b, _] = ids;
/// let mut claim = Claim::new(Configuration::new(1, members)?, FenceRecord { epoch: 2, holder: a.clone()? });
/// let record = claim.record().clone();
/// assert!(!claim.promise(&a.clone()?, &record) && !claim.promise(&a?, &record));
/// assert!(claim.promise(&b?, &record));
/// # Ok::<(), syncline::quorum::MemberError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    config: Configuration,
    record: FenceRecord,
    promised: Vec<MemberId>,
}

impl Claim {
    /// Begins a claim; send the record to every member.
    pub fn new(config: Configuration, record: FenceRecord) -> Self {
        Claim { config, record, promised: Vec::new() }
    }

    /// What is claimed.
    pub fn record(&self) -> &FenceRecord {
        &self.record
    }

    /// Takes a member's promise and tells whether more than half have promised: only then may the primary write, after
    /// it has merged what those members hold.
    pub fn promise(&mut self, from: &MemberId, record: &FenceRecord) -> bool {
        if *record == self.record && self.config.contains(from) && !self.promised.contains(from) {
            self.promised.push(from.clone());
        }
        self.held()
    }

    /// Tells whether more than half of the members have promised.
    pub fn held(&self) -> bool {
        self.config.satisfied(Level::Quorum, None, &|id| self.promised.contains(id)) == Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::id;
    use super::*;

    fn record(epoch: u64, holder: &str) -> FenceRecord {
        FenceRecord { epoch, holder: id(holder) }
    }

    #[test]
    fn nothing_is_promised_before_it_is_on_disk() {
        let mut fence = Fence::default();
        fence.handle(FenceInput::Claim(record(2, "a")));
        fence.handle(FenceInput::Claim(record(2, "a")));
        assert_eq!((fence.poll(), fence.poll()), (FenceOutput::Force(record(2, "a")), FenceOutput::Idle));
        fence.handle(FenceInput::Write { by: record(2, "a"), ticket: 1 });
        assert_eq!(fence.poll(), FenceOutput::Refuse { ticket: 1, known: 2 });
        fence.handle(FenceInput::Forced(record(2, "a")));
        fence.handle(FenceInput::Write { by: record(2, "a"), ticket: 2 });
        assert_eq!((fence.poll(), fence.poll()), (FenceOutput::Promise(record(2, "a")), FenceOutput::Admit(2)));
    }

    #[test]
    fn one_term_has_one_primary_and_terms_do_not_go_back() {
        let mut fence = Fence::recover(Some(record(2, "a")));
        for claim in [record(2, "b"), record(1, "b")] {
            fence.handle(FenceInput::Claim(claim.clone()));
            assert_eq!(fence.poll(), FenceOutput::Outrun { claim, known: 2 });
        }
        fence.handle(FenceInput::Claim(record(3, "b")));
        fence.handle(FenceInput::Claim(record(4, "c")));
        fence.handle(FenceInput::Forced(record(3, "b")));
        assert_eq!(
            (fence.poll(), fence.poll()),
            (FenceOutput::Force(record(3, "b")), FenceOutput::Force(record(4, "c")))
        );
        assert_eq!(fence.poll(), FenceOutput::Idle, "a term that was overtaken while it was forced is not promised");
    }

    #[test]
    fn a_record_comes_back_from_its_bytes() {
        let bytes = record(300, "eu-1").encode();
        assert_eq!(FenceRecord::decode(&bytes), Ok(record(300, "eu-1")));
        assert!((0..bytes.len()).all(|cut| FenceRecord::decode(&bytes[..cut]).is_err()));
        assert!(FenceRecord::decode(&[1, 0]).is_err());
    }
}
