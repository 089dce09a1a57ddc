//! What members say they hold.

use super::configuration::Configuration;
use super::member::{MemberError, MemberId};
use crate::assoc::SortedMap;
use crate::clock::VersionVector;

/// A member says what it holds on disk. Acks are cumulative: one that is lost is made up for by the next, and one that
/// comes late or twice changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ack {
    /// Who says it.
    pub from: MemberId,
    /// The epoch of the configuration that it is in.
    pub epoch: u64,
    /// All that is on its disk, said after the fsync.
    pub durable: VersionVector,
}

/// An ack does not count. Nothing was changed by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// From someone who does not count.
    #[error("{0} is not a member: its ack does not count")]
    NotMember(MemberId),
    /// Given in an earlier configuration, perhaps before the member left, lost its disk and came back.
    #[error("the ack is of epoch {got}, this is epoch {known}: ask the member again")]
    Old {
        /// The epoch of the configuration here.
        known: u64,
        /// The epoch of the ack.
        got: u64,
    },
    /// Given in a later configuration, of which this side has not heard.
    #[error("the ack is of epoch {got}, only epoch {known} is known here: fetch the configuration first")]
    Ahead {
        /// The epoch of the configuration here.
        known: u64,
        /// The epoch of the ack.
        got: u64,
    },
    /// A stand-in for itself, or more stand-ins than [`STAND_INS`](super::STAND_INS).
    #[error("{0} cannot be counted as one more stand-in for that member")]
    StandIn(MemberId),
}

impl Configuration {
    pub(super) fn check(&self, from: &MemberId, epoch: u64) -> Result<(), AckError> {
        let known = self.epoch();
        match epoch.cmp(&known) {
            std::cmp::Ordering::Less => Err(AckError::Old { known, got: epoch }),
            std::cmp::Ordering::Greater => Err(AckError::Ahead { known, got: epoch }),
            std::cmp::Ordering::Equal if !self.contains(from) => Err(AckError::NotMember(from.clone())),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

/// Tells when a change of members may end: once a majority of the new members hold all that the old ones may have
/// acknowledged before the change.
///
/// A member that is in the joint epoch no longer acknowledges in the old one. So what a majority of the old members hold
/// when they first answer in the joint epoch covers every write acknowledged before; what is acknowledged later has
/// reached the new members by the rule of joint configurations.
///
/// ```
/// use syncline::{clock::VersionVector, quorum::{Ack, Configuration, Handover, MemberId}};
/// let (a, b) = (MemberId::new("a")?, MemberId::new("b")?);
/// let joint = Configuration::new(1, vec![a.clone().into()])?.begin_change(vec![b.clone().into()])?;
/// let mut handover = Handover::new(joint)?;
/// let ack = |from| Ack { from, epoch: 2, durable: VersionVector::default() };
/// handover.report(&ack(a))?;
/// assert_eq!(handover.ready(), None);
/// handover.report(&ack(b))?;
/// assert_eq!(handover.ready().map(|next| next.epoch()), Some(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Handover {
    joint: Configuration,
    old: Configuration,
    new: Configuration,
    reports: SortedMap<MemberId, VersionVector>,
    target: Option<VersionVector>,
}

impl Handover {
    /// Begins to watch a joint configuration.
    ///
    /// # Errors
    /// [`MemberError::Settled`] if it is not joint.
    pub fn new(joint: Configuration) -> Result<Self, MemberError> {
        let (old, new) = (joint.abandon_change()?, joint.finish_change()?);
        Ok(Handover { joint, old, new, reports: SortedMap::default(), target: None })
    }

    /// Takes what a member holds in the joint epoch.
    ///
    /// # Errors
    /// [`AckError`] if it does not count.
    pub fn report(&mut self, ack: &Ack) -> Result<(), AckError> {
        self.joint.check(&ack.from, ack.epoch)?;
        self.reports.get_or_insert_with(ack.from.clone(), VersionVector::default).join(&ack.durable);
        if self.target.is_none() && self.majority(&self.old, &|_| true) {
            let mut target = VersionVector::default();
            let old = self.reports.iter().filter(|(id, _)| self.old.contains(id));
            old.for_each(|(_, durable)| target.join(durable));
            self.target = Some(target);
        }
        Ok(())
    }

    /// What the new members must hold; known once a majority of the old ones have answered.
    pub fn target(&self) -> Option<&VersionVector> {
        self.target.as_ref()
    }

    /// The configuration to go on with, once that is safe.
    pub fn ready(&self) -> Option<Configuration> {
        let target = self.target.as_ref()?;
        self.majority(&self.new, &|durable| durable.includes(target)).then(|| self.new.clone())
    }

    fn majority(&self, side: &Configuration, holds: &dyn Fn(&VersionVector) -> bool) -> bool {
        let counted = |id: &&MemberId| self.reports.get(id).is_some_and(holds);
        let ids = side.ids();
        ids.iter().copied().filter(counted).count() > ids.len() / 2
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{id, members, seen};
    use super::*;

    fn joint() -> Handover {
        let old = Configuration::new(1, members("a b c")).and_then(|old| old.begin_change(members("c d e")));
        old.and_then(Handover::new).expect("the members are valid")
    }

    fn report(handover: &mut Handover, from: &str, epoch: u64, seq: u64) -> Result<(), AckError> {
        handover.report(&Ack { from: id(from), epoch, durable: seen(seq) })
    }

    #[test]
    fn a_change_ends_when_most_new_members_hold_what_most_old_ones_held() -> Result<(), AckError> {
        let mut handover = joint();
        report(&mut handover, "a", 2, 4)?;
        report(&mut handover, "d", 2, 9)?;
        assert_eq!(handover.target(), None, "a new member does not count for the old ones");
        report(&mut handover, "b", 2, 5)?;
        assert_eq!(handover.target(), Some(&seen(5)));
        report(&mut handover, "c", 2, 7)?;
        assert_eq!(handover.target(), Some(&seen(5)), "later writes reach the new members anyway");
        assert_eq!(handover.ready().map(|next| next.epoch()), Some(3));
        Ok(())
    }

    #[test]
    fn reports_of_other_epochs_and_strangers_do_not_count() {
        let mut handover = joint();
        assert_eq!(report(&mut handover, "a", 1, 4), Err(AckError::Old { known: 2, got: 1 }));
        assert_eq!(report(&mut handover, "a", 3, 4), Err(AckError::Ahead { known: 2, got: 3 }));
        assert_eq!(report(&mut handover, "x", 2, 4), Err(AckError::NotMember(id("x"))));
        assert_eq!(handover, joint());
    }

    #[test]
    fn a_new_member_that_lags_keeps_the_change_open() -> Result<(), AckError> {
        let mut handover = joint();
        for (from, seq) in [("a", 5), ("b", 5), ("d", 4), ("e", 5)] {
            report(&mut handover, from, 2, seq)?;
        }
        assert_eq!(handover.ready(), None);
        report(&mut handover, "d", 2, 5)?;
        assert!(handover.ready().is_some());
        Ok(())
    }
}
