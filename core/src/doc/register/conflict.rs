//! Conflicts as events: registers that came to hold several concurrent values.

use super::super::Doc;
use super::super::leaf::dots;
use crate::assoc::Table;
use crate::bounds;
use crate::crdt::{Key, Kind, Path, Resolution, ResolveError, Sibling};

/// A register whose concurrent values became others, and are two or more.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Where.
    pub path: Path,
    /// The values, the last writer's first.
    pub siblings: Vec<Sibling>,
    /// What the policy of the path makes of them.
    pub resolution: Result<Resolution, ResolveError>,
}

/// The dots of a leaf: writer and number of each.
type Dots = Vec<(u32, u64)>;

/// Conflicts that nobody has taken yet.
#[derive(Default)]
pub(in super::super) struct Conflicts {
    /// Registers that are about to change, with their dots before. In the order of the first touch; of several for one key
    /// the first counts.
    touched: Vec<(Key, Dots)>,
    found: Vec<Conflict>,
    lost: u64,
}

impl Doc {
    /// Takes the conflicts that arose since the last call, in the order in which they did. They are collected while
    /// [`Doc::observe`] is on.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Resolution, Value}, doc::Doc};
    /// let [mut ada, mut bob] = [1, 2].map(|random| Doc::new(ReplicaId::new(1, random)));
    /// ada.observe(true);
    /// let title = Path::from_segments(["title"]);
    /// ada.transact(5, None, |doc| doc.set(&title, "draft".into()))?;
    /// bob.transact(6, None, |doc| doc.set(&title, "final".into()))?;
    /// ada.import(&bob.export())?;
    /// let conflicts = ada.take_conflicts();
    /// assert_eq!((conflicts[0].path.clone(), conflicts[0].siblings.len()), (title, 2));
    /// assert_eq!(conflicts[0].resolution, Ok(Resolution::Value("final".into())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_conflicts(&mut self) -> Vec<Conflict> {
        std::mem::take(&mut self.conflicts.found)
    }

    /// The number of conflicts dropped because nobody took them, see [`bounds::CONFLICTS`].
    pub fn lost_conflicts(&self) -> u64 {
        self.conflicts.lost
    }

    /// Remembers the dots of a register before others change it. Writing here leaves one value, so it is passed over.
    pub(in super::super) fn touch_register(&mut self, key: &Key) {
        if self.in_transaction() || key.kind() != Kind::REGISTER {
            return;
        }
        if self.conflicts.touched.last().is_none_or(|(last, _)| last != key) {
            self.conflicts.touched.push((key.clone(), self.dots_at(key)));
        }
    }

    /// Turns what was touched into conflicts, where there are any.
    pub(in super::super) fn emit_conflicts(&mut self) {
        let touched = std::mem::take(&mut self.conflicts.touched);
        let mut first: Table<&[u8], u64> = Table::default();
        for (at, (key, before)) in (0..).zip(&touched) {
            if *first.get_or_insert(key.as_bytes(), at) != at || *before == self.dots_at(key) {
                continue;
            }
            let path = key.path();
            let siblings = self.values(dots(&self.state, key));
            if siblings.len() > 1 {
                let resolution = self.resolve(&path);
                self.conflicts.found.push(Conflict { path, siblings, resolution });
            }
        }
        let excess = self.conflicts.found.len().saturating_sub(bounds::CONFLICTS);
        self.conflicts.found.drain(..excess);
        self.conflicts.lost += excess as u64;
    }

    fn dots_at(&self, key: &Key) -> Dots {
        dots(&self.state, key).iter().map(|entry| (entry.writer, entry.seq)).collect()
    }
}
