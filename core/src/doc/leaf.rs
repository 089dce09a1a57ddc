//! Reading one leaf: the dots it holds, and whether there is anything to show.

use super::Doc;
use super::register::shows_value;
use super::state::{Entry, State};
use crate::crdt::{Key, Kind, UNDEFINED, true_and_no_false};

/// What the keys of all that is said about the document begin with. They stand at the root, before its children, and no
/// subtree delete reaches them.
const ABOUT: [u8; 2] = [0, Kind::ABOUT.0];

/// Whether a key is one of what is said about the document.
pub(super) fn is_about(key: &Key) -> bool {
    key.as_bytes().starts_with(&ABOUT)
}

/// The live dots of a leaf; none if there is no such leaf.
pub(super) fn dots<'a>(state: &'a State, key: &Key) -> &'a [Entry] {
    state.leaves.get(key).map_or(&[], |(_, leaf)| leaf.entries())
}

/// The dot written last.
pub(super) fn newest<'a>(state: &State, entries: &'a [Entry]) -> Option<&'a Entry> {
    match entries {
        [only] => Some(only),
        _ => entries.iter().max_by_key(|entry| state.stamp(entry)),
    }
}

/// Whether a leaf with these dots shows anything: a removed element and a removed value do not.
pub(super) fn shows(state: &State, key: &Key, entries: &[Entry]) -> bool {
    const FALSE: u8 = 0xf4;
    // Almost all leaves are decided here, without looking at the kind.
    match entries {
        [only] if !matches!(*only.payload, [FALSE] | [UNDEFINED]) => return !is_about(key),
        _ => {}
    }
    match key.kind() {
        Kind::ABOUT => false,
        Kind::REGISTER => shows_value(state, key, entries),
        Kind::REMOVE_WINS | Kind::TWO_PHASE => true_and_no_false(entries.iter().map(|entry| &*entry.payload)),
        Kind::LAST_WRITER => newest(state, entries).is_some_and(|entry| *entry.payload != [FALSE]),
        _ => true,
    }
}

impl Doc {
    /// The first key from `from` on and before `end` whose leaf shows anything.
    pub(super) fn first_from(&self, from: &Key, end: &Key) -> Option<&Key> {
        let mut leaves = self.state.leaves.range(from, end);
        leaves.find(|(key, leaf)| shows(&self.state, key, leaf.entries())).map(|(key, _)| key)
    }
}
