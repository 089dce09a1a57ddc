//! A set of members with an epoch, and how many of them a level needs.

use super::level::{Level, LevelError};
use super::member::{MEMBERS, Member, MemberError, MemberId, NAME_BYTES};
use crate::bytes::{DecodeError, Reader, Writer};

/// Who counts, numbered by an epoch that grows with every change.
///
/// A change goes through a *joint* configuration (Ongaro and Ousterhout, "In Search of an Understandable Consensus
/// Algorithm", 2014, section 6): old and new members both must reach a level until [`Handover`](super::Handover) says
/// that the new ones hold all that was acknowledged.
///
/// ```
/// use syncline::quorum::{Configuration, Level, MemberId};
/// let id = |text| MemberId::new(text);
/// let three = Configuration::new(1, vec![id("a")?.into(), id("b")?.into(), id("c")?.into()])?;
/// let holds = |member: &MemberId| member.as_str() != "c";
/// assert_eq!(three.satisfied(Level::Quorum, None, &holds), Ok(true));
/// assert_eq!(three.satisfied(Level::All, None, &holds), Ok(false));
/// # Ok::<(), syncline::quorum::MemberError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Configuration {
    epoch: u64,
    members: Vec<Member>,
    next: Option<Vec<Member>>,
}

/// Some members, and how many of them are needed. A level is one or more of these, and all must be reached.
pub(super) struct Group<'a> {
    pub(super) members: Vec<&'a MemberId>,
    pub(super) needed: usize,
}

impl Configuration {
    /// Makes a settled configuration.
    ///
    /// # Errors
    /// [`MemberError`]: no member, more than [`MEMBERS`], or one listed twice.
    pub fn new(epoch: u64, members: Vec<Member>) -> Result<Self, MemberError> {
        Ok(Configuration { epoch, members: checked(members)?, next: None })
    }

    /// Begins a change: the joint configuration of the old members and the `next` ones, with the next epoch.
    ///
    /// # Errors
    /// [`MemberError::Changing`] during a change, and whatever [`Configuration::new`] finds in `next`.
    pub fn begin_change(&self, next: Vec<Member>) -> Result<Self, MemberError> {
        if self.next.is_some() {
            return Err(MemberError::Changing);
        }
        Ok(Configuration { epoch: self.next_epoch()?, members: self.members.clone(), next: Some(checked(next)?) })
    }

    /// Ends a change: only the new members count. Ask [`Handover`](super::Handover) when that is safe.
    ///
    /// # Errors
    /// [`MemberError::Settled`] without a change.
    pub fn finish_change(&self) -> Result<Self, MemberError> {
        let members = self.next.clone().ok_or(MemberError::Settled)?;
        Ok(Configuration { epoch: self.next_epoch()?, members, next: None })
    }

    /// Takes a change back: only the old members count, with the next epoch. Safe at any time before the end, since
    /// whatever was acknowledged meanwhile has reached its level among the old members too.
    ///
    /// # Errors
    /// [`MemberError::Settled`] without a change.
    pub fn abandon_change(&self) -> Result<Self, MemberError> {
        if self.next.is_none() {
            return Err(MemberError::Settled);
        }
        Ok(Configuration { epoch: self.next_epoch()?, members: self.members.clone(), next: None })
    }

    fn next_epoch(&self) -> Result<u64, MemberError> {
        self.epoch.checked_add(1).ok_or(MemberError::Epoch(self.epoch))
    }

    /// The number of this configuration.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The members; during a change, the old ones.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The new members, during a change.
    pub fn next(&self) -> Option<&[Member]> {
        self.next.as_deref()
    }

    /// Everyone who counts, old or new, each once, in order.
    pub fn ids(&self) -> Vec<&MemberId> {
        let mut ids: Vec<&MemberId> = self.sides().flatten().map(|member| &member.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Tells whether someone counts.
    pub fn contains(&self, id: &MemberId) -> bool {
        self.sides().any(|side| side.binary_search_by(|member| member.id.cmp(id)).is_ok())
    }

    fn sides(&self) -> impl Iterator<Item = &[Member]> {
        [Some(self.members.as_slice()), self.next.as_deref()].into_iter().flatten()
    }

    /// Tells whether those of whom `holds` is true suffice for a level. `local` is the coordinator's region.
    ///
    /// # Errors
    /// [`LevelError`] if the level cannot be reached by these members at all.
    pub fn satisfied(
        &self,
        level: Level,
        local: Option<&MemberId>,
        holds: &dyn Fn(&MemberId) -> bool,
    ) -> Result<bool, LevelError> {
        Ok(self.frontier(level, local, &|id| u64::from(holds(id)))? > 0)
    }

    /// The largest number that enough members for the level have reached: the k-th largest of what `reached` says of each
    /// member, and the least of these over old and new members and over regions.
    ///
    /// # Errors
    /// [`LevelError`] if the level cannot be reached by these members at all.
    pub fn frontier(
        &self,
        level: Level,
        local: Option<&MemberId>,
        reached: &dyn Fn(&MemberId) -> u64,
    ) -> Result<u64, LevelError> {
        let groups = self.groups(level, local)?;
        Ok(groups.iter().map(|group| group.frontier(reached)).min().unwrap_or(0))
    }

    pub(super) fn groups(&self, level: Level, local: Option<&MemberId>) -> Result<Vec<Group<'_>>, LevelError> {
        let mut groups = Vec::new();
        for side in self.sides() {
            match level {
                Level::LocalQuorum => groups.push(region_group(side, local.ok_or(LevelError::NotLocal)?)?),
                Level::EachQuorum => {
                    for member in side {
                        let region = member.region.as_ref().ok_or_else(|| LevelError::NoRegion(member.id.clone()))?;
                        groups.push(region_group(side, region)?);
                    }
                }
                Level::One | Level::N(_) | Level::Quorum | Level::All => {
                    let needed = match level {
                        Level::One => 1,
                        Level::N(count) => count.into(),
                        Level::All => side.len(),
                        _ => side.len() / 2 + 1,
                    };
                    if needed == 0 || needed > side.len() {
                        return Err(LevelError::TooFew { needed, members: side.len() });
                    }
                    groups.push(Group { members: side.iter().map(|member| &member.id).collect(), needed });
                }
            }
        }
        Ok(groups)
    }

    /// Encodes the configuration, for the store or the metadata group.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.varint(self.epoch);
        out.byte(self.next.is_some().into());
        for side in self.sides() {
            out.varint(side.len() as u64);
            for member in side {
                out.block(member.id.as_str().as_bytes());
                out.block(member.region.as_ref().map_or(&[], |region| region.as_str().as_bytes()));
            }
        }
        out.into_bytes()
    }

    /// Decodes what [`Configuration::encode`] made.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are cut short or do not describe a valid configuration in order.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let epoch = reader.varint()?;
        let joint = match reader.byte()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::Range("configuration")),
        };
        let members = read_side(&mut reader)?;
        let next = if joint { Some(read_side(&mut reader)?) } else { None };
        reader.finish()?;
        Ok(Configuration { epoch, members, next })
    }
}

impl Group<'_> {
    fn frontier(&self, reached: &dyn Fn(&MemberId) -> u64) -> u64 {
        let mut numbers: Vec<u64> = self.members.iter().map(|id| reached(id)).collect();
        numbers.sort_unstable_by(|left, right| right.cmp(left));
        numbers.get(self.needed.wrapping_sub(1)).copied().unwrap_or(0)
    }
}

fn region_group<'a>(side: &'a [Member], region: &MemberId) -> Result<Group<'a>, LevelError> {
    let here = side.iter().filter(|member| member.region.as_ref() == Some(region));
    let members: Vec<&MemberId> = here.map(|member| &member.id).collect();
    if members.is_empty() {
        return Err(LevelError::NotLocal);
    }
    Ok(Group { needed: members.len() / 2 + 1, members })
}

fn checked(mut members: Vec<Member>) -> Result<Vec<Member>, MemberError> {
    if members.is_empty() {
        return Err(MemberError::Empty);
    }
    if members.len() > MEMBERS {
        return Err(MemberError::TooMany(members.len()));
    }
    members.sort_unstable_by(|left, right| left.id.cmp(&right.id));
    match members.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => Err(MemberError::Duplicate(pair[0].id.clone())),
        None => Ok(members),
    }
}

fn read_side(reader: &mut Reader<'_>) -> Result<Vec<Member>, DecodeError> {
    const BAD: DecodeError = DecodeError::Range("configuration");
    let count = reader.count(2, MEMBERS)?;
    let mut members = Vec::with_capacity(count);
    for _ in 0..count {
        let id = read_name(reader)?.ok_or(BAD)?;
        members.push(Member { id, region: read_name(reader)? });
    }
    let sorted = members.windows(2).all(|pair| pair[0].id < pair[1].id);
    if sorted && !members.is_empty() { Ok(members) } else { Err(BAD) }
}

/// A name, or nothing where it is empty.
pub(super) fn read_name(reader: &mut Reader<'_>) -> Result<Option<MemberId>, DecodeError> {
    let bytes = reader.block(NAME_BYTES)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Range("member id"))?;
    MemberId::new(text).map(Some).map_err(|_| DecodeError::Range("member id"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{id, members};
    use super::*;

    #[test]
    fn members_are_few_distinct_and_not_none() {
        assert_eq!(Configuration::new(1, vec![]), Err(MemberError::Empty));
        assert_eq!(Configuration::new(1, members("a b a")), Err(MemberError::Duplicate(id("a"))));
        let many = (0..65).map(|number| id(&number.to_string()).into()).collect();
        assert_eq!(Configuration::new(1, many), Err(MemberError::TooMany(65)));
        assert!(Configuration::new(1, members("b a")).is_ok_and(|config| config.ids() == [&id("a"), &id("b")]));
    }

    #[test]
    fn a_change_goes_through_both_sets() -> Result<(), MemberError> {
        let old = Configuration::new(4, members("a b c"))?;
        let joint = old.begin_change(members("c d e"))?;
        assert_eq!(
            (joint.epoch(), joint.ids().len(), joint.begin_change(members("x"))),
            (5, 5, Err(MemberError::Changing))
        );
        let suffices =
            |names: &str| joint.satisfied(Level::Quorum, None, &|id| names.contains(id.as_str())) == Ok(true);
        assert!(suffices("acd") && suffices("abde") && suffices("bce"));
        assert!(!suffices("ab") && !suffices("de") && !suffices("abd") && !suffices("ade"));
        let new = joint.finish_change()?;
        assert_eq!((new.epoch(), new.contains(&id("a")), new.finish_change()), (6, false, Err(MemberError::Settled)));
        assert_eq!(joint.abandon_change()?.members(), old.members());
        Ok(())
    }

    #[test]
    fn levels_by_region_count_in_each_of_them() -> Result<(), Box<dyn std::error::Error>> {
        let place = |text: &str| Member::in_region(id(text), id(&text[..2]));
        let all = ["eu1", "eu2", "eu3", "us1", "us2", "us3"].map(place).to_vec();
        let config = Configuration::new(1, all)?;
        let eu = id("eu");
        let holds = |names: &'static str| move |id: &MemberId| names.contains(id.as_str());
        assert!(config.satisfied(Level::LocalQuorum, Some(&eu), &holds("eu1 eu3"))?);
        assert!(!config.satisfied(Level::LocalQuorum, Some(&eu), &holds("eu1 us1 us2 us3"))?);
        assert!(!config.satisfied(Level::EachQuorum, None, &holds("eu1 eu2 eu3 us1"))?);
        assert!(config.satisfied(Level::EachQuorum, None, &holds("eu1 eu2 us1 us3"))?);
        assert_eq!(config.satisfied(Level::LocalQuorum, None, &holds("")), Err(LevelError::NotLocal));
        let bare = Configuration::new(1, members("a"))?;
        assert_eq!(bare.satisfied(Level::EachQuorum, None, &holds("a")), Err(LevelError::NoRegion(id("a"))));
        assert_eq!(bare.satisfied(Level::N(2), None, &holds("a")), Err(LevelError::TooFew { needed: 2, members: 1 }));
        Ok(())
    }

    #[test]
    fn a_configuration_comes_back_from_its_bytes() -> Result<(), Box<dyn std::error::Error>> {
        let mut side = members("a b");
        side.push(Member::in_region(id("c"), id("eu")));
        let joint = Configuration::new(7, side)?.begin_change(members("d"))?;
        let bytes = joint.encode();
        assert_eq!(Configuration::decode(&bytes)?, joint);
        assert!((0..bytes.len()).all(|cut| Configuration::decode(&bytes[..cut]).is_err()));
        assert_eq!(Configuration::decode(&[1, 0, 2, 1, b'b', 0, 1, b'a', 0]), Err(DecodeError::Range("configuration")));
        assert_eq!(Configuration::decode(&[1, 0, 0]), Err(DecodeError::Range("configuration")));
        Ok(())
    }
}
