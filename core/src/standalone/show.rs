//! How values are shown.

use std::fmt::{Display, Formatter, Result};

/// Writes items with commas between them.
pub(super) fn list<T: Display>(
    f: &mut Formatter<'_>,
    brackets: [&str; 2],
    items: impl IntoIterator<Item = T>,
) -> Result {
    f.write_str(brackets[0])?;
    for (at, item) in items.into_iter().enumerate() {
        f.write_str(if at > 0 { ", " } else { "" })?;
        item.fmt(f)?;
    }
    f.write_str(brackets[1])
}

/// Two things with a colon between them.
pub(super) struct Colon<A, B>(pub(super) A, pub(super) B);

impl<A: Display, B: Display> Display for Colon<A, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.fmt(f)?;
        f.write_str(": ")?;
        self.1.fmt(f)
    }
}
