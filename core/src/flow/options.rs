//! Options out of range.

/// An option is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the option {name} is {value}: set it between {least} and {most}")]
#[non_exhaustive]
pub struct OptionError {
    /// Which option.
    pub name: &'static str,
    /// What it was set to.
    pub value: u64,
    /// The least value allowed.
    pub least: u64,
    /// The largest value allowed.
    pub most: u64,
}

/// Longest time that an option may name, in milliseconds: a week. Longer ones are most likely in the wrong unit.
pub(crate) const LONGEST_MS: u64 = 7 * 24 * 3_600_000;

pub(crate) fn within(name: &'static str, value: u64, least: u64, most: u64) -> Result<(), OptionError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(OptionError { name, value, least, most }) }
}
