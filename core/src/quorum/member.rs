//! Who counts: member ids and the configurations made of them.

use std::{fmt, str::FromStr, sync::Arc};

/// Most bytes of a member id or a region name: they are typed by people and travel in every ack.
pub const NAME_BYTES: usize = 64;

/// Most members of one side of a configuration: beyond a few dozen a quorum costs more than it protects.
pub const MEMBERS: usize = 64;

/// The name of a relay node that counts for a quorum, such as `eu-1`.
///
/// It is a short text and not a [`ReplicaId`](crate::clock::ReplicaId), because the two live differently: a replica id is
/// taken anew at every start and then retired, while a member keeps its name over restarts. If a member were counted by
/// the name of its session, one machine could acknowledge twice by restarting in between.
///
/// ```
/// use syncline::quorum::MemberId;
/// assert_eq!(MemberId::new("eu-1")?.as_str(), "eu-1");
/// assert!(MemberId::new("two words").is_err());
/// # Ok::<(), syncline::quorum::MemberError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(Arc<str>);

impl MemberId {
    /// Takes 1 to [`NAME_BYTES`] ASCII letters, digits, dots, hyphens and underscores.
    ///
    /// # Errors
    /// [`MemberError::Name`] for anything else.
    pub fn new(text: &str) -> Result<Self, MemberError> {
        if is_name(text) { Ok(MemberId(text.into())) } else { Err(MemberError::Name) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MemberId {
    type Err = MemberError;

    fn from_str(text: &str) -> Result<Self, MemberError> {
        MemberId::new(text)
    }
}

/// A member and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// The name.
    pub id: MemberId,
    /// The region, needed for the levels that count by region. It is named like a member.
    pub region: Option<MemberId>,
}

impl Member {
    /// A member in a region.
    pub fn in_region(id: MemberId, region: MemberId) -> Self {
        Member { id, region: Some(region) }
    }
}

impl From<MemberId> for Member {
    fn from(id: MemberId) -> Self {
        Member { id, region: None }
    }
}

/// A member id or a configuration is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemberError {
    /// Not a name.
    #[error("a name of a member or region is 1 to 64 ASCII letters, digits, dots, hyphens or underscores")]
    Name,
    /// No members at all.
    #[error("a configuration needs at least one member")]
    Empty,
    /// A member is listed twice.
    #[error("the member {0} is listed twice: list each member once")]
    Duplicate(MemberId),
    /// More than [`MEMBERS`].
    #[error("{0} members are too many: at most 64 may count for a quorum")]
    TooMany(usize),
    /// A change of members is under way already.
    #[error("the members are changing already: finish or abandon that change first")]
    Changing,
    /// No change of members is under way.
    #[error("the members are not changing: begin a change first")]
    Settled,
    /// The epoch cannot grow further.
    #[error("the epoch {0} cannot grow: start a new cluster")]
    Epoch(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["a", "eu-1", "relay_7.example", &"x".repeat(64)] {
            assert_eq!(MemberId::new(good).map(|id| id.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", " ", "a b", "é", "a/b", "a\0", &"x".repeat(65)] {
            assert_eq!(MemberId::new(bad), Err(MemberError::Name), "{bad:?}");
        }
    }
}
