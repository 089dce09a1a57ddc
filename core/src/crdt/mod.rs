//! Values, the paths that address them, and the rules by which concurrent ones merge.
//!
//! A document is a set of *leaves*. A leaf is addressed by a [`Key`]: a [`Path`] plus the kind of leaf. It holds the
//! live *dots* written to it, each with its value. What a type does with concurrent dots is decided when it is read:
//!
//! | type | leaf | dots | read |
//! |---|---|---|---|
//! | register | one for a path | a write replaces the dots it saw | by the [policy](Policy) of the path: last writer by ([`Hlc`](crate::clock::Hlc), replica), or all |
//! | counter | one for a path | one per transaction that counts | their sum |
//! | bounded counter | one for each replica that has rights | the replica's own row | bound, plus what was added, less what was taken |
//! | flag | one for a path and [kind](FlagKind) | a write replaces the dots it saw | true if any is, or if none is false |
//! | set | one for an element and [kind](SetKind) | an add replaces the dots it saw | by kind |
//! | list | one for an item | a move or set replaces the dots it saw | items ordered by position; newest position and newest value |
//! | text | one for a path | one update per transaction | the updates merged by yrs |
//! | map | none, or a marker when made empty | | the children below its path |
//!
//! A map of registers is both kinds of map that the literature knows: reading a key by last writer makes it a
//! last-writer-wins map, and since a delete of a key or of a subtree removes just what it has seen, it is an
//! observed-remove map, nested to any depth: what others write below it at the same time stays. [`Key`] tells all
//! kinds of leaf and their rules.

mod bounded;
mod counter;
#[cfg(feature = "text")]
mod cursor;
mod flag;
#[cfg(feature = "text")]
mod gaps;
mod item;
mod key;
#[cfg(feature = "text")]
mod marks;
mod path;
mod policy;
mod position;
mod register;
#[cfg(feature = "text")]
mod revert;
#[cfg(feature = "serde")]
mod serde_value;
mod set;
mod splice;
#[cfg(feature = "text")]
mod text;
mod update;
mod value;

pub use flag::FlagKind;
pub(crate) use key::Container;
pub use key::{Key, Kind};
pub use path::{ParsePathError, Path};
pub use policy::{Policy, Resolution, ResolveError, Sibling};
pub use set::SetKind;
pub use splice::{Attributes, Run, Splice};
pub use value::{Value, ValueError};

pub(crate) use bounded::Row;
pub(crate) use counter::{Count, Seen, amount, resets, sum};
pub(crate) use flag::{any_true, true_and_no_false, truth_payload};
pub(crate) use item::{Item, moved_item, new_item, set_item};
pub(crate) use path::last_separator;
pub(crate) use position::between;
pub(crate) use register::{Stamp, UNDEFINED};
#[cfg(feature = "text")]
pub(crate) use revert::TextStep;
pub(crate) use splice::difference;
#[cfg(feature = "text")]
pub(crate) use text::{Ids, Text, TextError};
pub use update::{UpdateError, check_update};

/// What stands at a path, for those who ask by path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerKind {
    /// A nested map.
    Map,
    /// A set of any [`SetKind`].
    Set,
    /// A collaborative text.
    Text,
    /// A counter.
    Counter,
    /// A single value.
    Register,
    /// A flag.
    Flag,
    /// A movable list.
    List,
    /// A bounded counter.
    Bounded,
}

impl ContainerKind {
    /// Which of several kinds at one path is shown: the one with the least rank. A list goes before a map, because what is
    /// nested in its items lies below it.
    pub(crate) fn rank(self) -> u32 {
        match self {
            ContainerKind::List => 0,
            ContainerKind::Map => 1,
            ContainerKind::Set => 2,
            ContainerKind::Text => 3,
            ContainerKind::Counter => 4,
            ContainerKind::Bounded => 5,
            ContainerKind::Flag => 6,
            ContainerKind::Register => 7,
        }
    }

    /// What a leaf of a kind is shown as; `None` for what is not shown.
    pub(crate) fn of(kind: Kind) -> Option<ContainerKind> {
        Some(match kind {
            Kind::REGISTER => ContainerKind::Register,
            Kind::COUNTER => ContainerKind::Counter,
            Kind::TEXT => ContainerKind::Text,
            Kind::MARKER => ContainerKind::Map,
            Kind::ENABLE_WINS | Kind::DISABLE_WINS => ContainerKind::Flag,
            Kind::ITEM => ContainerKind::List,
            Kind::BOUNDED => ContainerKind::Bounded,
            _ if kind.is_element() => ContainerKind::Set,
            _ => return None,
        })
    }
}

/// The unit in which positions of a text are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextUnit {
    /// UTF-16 code units, as in JavaScript.
    Utf16,
    /// Unicode code points, as in Python.
    CodePoint,
}

/// To which side a position of a text clings when something is inserted right there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assoc {
    /// To the character in front of it: what is inserted there comes behind the position.
    Before,
    /// To the character behind it: what is inserted there comes in front of the position.
    After,
}
