//! How many members must hold a write, or answer a read.

use super::member::MemberId;
use std::{fmt, str::FromStr};

/// The consistency that the author of a write or the reader asks for.
///
/// While the members change (joint configuration) each level must be reached among the old and among the new members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Guarantees that the write is on the disk of one member: the loss of that one machine may lose it.
    One,
    /// Guarantees that the write is on more than half of the members, so it survives the loss of any minority and every
    /// quorum read from then on sees it.
    #[default]
    Quorum,
    /// Guarantees that the write is on every member, so it survives as long as one of them does; one member that is down
    /// keeps it from being acknowledged.
    All,
    /// Guarantees that the write is on so many distinct members, and nothing about what a quorum read sees unless that is
    /// more than half of them.
    N(u8),
    /// Guarantees that the write is on more than half of the members of the coordinator's region, so it survives the loss
    /// of a minority there; a quorum read in another region may miss it.
    LocalQuorum,
    /// Guarantees that the write is on more than half of the members of every region, so a `LocalQuorum` read anywhere
    /// sees it; one region that is cut off keeps it from being acknowledged.
    EachQuorum,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Level::One => f.write_str("one"),
            Level::Quorum => f.write_str("quorum"),
            Level::All => f.write_str("all"),
            Level::N(count) => count.fmt(f),
            Level::LocalQuorum => f.write_str("local_quorum"),
            Level::EachQuorum => f.write_str("each_quorum"),
        }
    }
}

impl FromStr for Level {
    type Err = LevelError;

    /// Reads `one`, `quorum`, `all`, `local_quorum`, `each_quorum` or a number from 1 to 255.
    fn from_str(text: &str) -> Result<Self, LevelError> {
        match text {
            "one" => Ok(Level::One),
            "quorum" => Ok(Level::Quorum),
            "all" => Ok(Level::All),
            "local_quorum" => Ok(Level::LocalQuorum),
            "each_quorum" => Ok(Level::EachQuorum),
            number => number.parse().ok().filter(|&count| count > 0).map(Level::N).ok_or(LevelError::Unknown),
        }
    }
}

/// A level cannot be reached with these members, or is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LevelError {
    /// Not the name of a level.
    #[error("a level is one, quorum, all, local_quorum, each_quorum or a number of members from 1")]
    Unknown,
    /// More members are asked for than there are.
    #[error("{needed} members are asked for, the configuration has {members}: ask for fewer or add members")]
    TooFew {
        /// How many are asked for.
        needed: usize,
        /// How many there are.
        members: usize,
    },
    /// A member without a region, at a level that counts by region.
    #[error("the member {0} has no region: give each member one, or ask for the level quorum")]
    NoRegion(MemberId),
    /// The coordinator's own region is not known or has no members.
    #[error("the coordinator's region has no members: give the region of the coordinator, or ask for the level quorum")]
    NotLocal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_comes_back_from_its_text() {
        for level in [Level::One, Level::Quorum, Level::All, Level::N(3), Level::LocalQuorum, Level::EachQuorum] {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        for bad in ["", "0", "256", "-1", "Quorum", "most"] {
            assert_eq!(bad.parse::<Level>(), Err(LevelError::Unknown), "{bad:?}");
        }
    }
}
