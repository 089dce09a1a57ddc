//! Sets: one leaf for each element, and a rule for the case that some add it and others remove it at the same time.
//!
//! All of them are from Shapiro, Preguiça, Baquero, Zawirski: "A comprehensive study of Convergent and Commutative
//! Replicated Data Types", 2011; the remove-wins set without tombstones for elements never removed follows Baquero,
//! Almeida, Shoker: "Pure operation-based replicated data types", 2017.

use super::Kind;

/// How a set merges. Sets of several kinds at one path are several sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetKind {
    /// An element is contained while an add of it is seen by no remove. Nothing is left of what was removed.
    AddWins,
    /// Of a concurrent add and remove the remove wins. A removed element keeps one dot until it is added again.
    RemoveWins,
    /// The last writer decides, by hybrid time. A removed element keeps one dot until it is added again.
    LastWriterWins,
    /// Elements are never removed.
    GrowOnly,
    /// A removed element never comes back. It keeps one dot.
    TwoPhase,
}

impl SetKind {
    /// All kinds.
    pub const ALL: [SetKind; 5] =
        [SetKind::AddWins, SetKind::RemoveWins, SetKind::LastWriterWins, SetKind::GrowOnly, SetKind::TwoPhase];

    /// The kind of the leaves of its elements.
    pub fn leaf(self) -> Kind {
        match self {
            SetKind::AddWins => Kind::ELEMENT,
            SetKind::RemoveWins => Kind::REMOVE_WINS,
            SetKind::LastWriterWins => Kind::LAST_WRITER,
            SetKind::GrowOnly => Kind::GROW_ONLY,
            SetKind::TwoPhase => Kind::TWO_PHASE,
        }
    }

    /// Whether a removal leaves a dot that says so.
    pub(crate) fn keeps_removals(self) -> bool {
        !matches!(self, SetKind::AddWins | SetKind::GrowOnly)
    }
}
