//! The inner places of a tree: how much each one holds.

use super::leaves::hash;
use crate::assoc::HashIndex;
use crate::bytes::SmallBytes;
use crate::crdt::{Kind, last_separator};

/// For each path that holds something, the number of leaves that stand there and of paths directly below that hold
/// something. Adding or removing a leaf costs one step, unless its container appears or goes with it.
#[derive(Default)]
pub(super) struct Nodes {
    seed: [u64; 2],
    nodes: Vec<(SmallBytes, u32)>,
    free: Vec<u32>,
    index: HashIndex,
    /// No path that ever held something has more bytes: most questions are about leaves, whose paths are longer.
    longest: usize,
    /// The one asked for last: neighbours come together.
    last: u32,
}

impl Nodes {
    pub(super) fn new(seed: [u64; 2]) -> Self {
        Nodes { seed, ..Nodes::default() }
    }

    /// Whether a path holds something.
    pub(super) fn contains(&self, path: &[u8]) -> bool {
        path.len() <= self.longest && self.find(path, hash(self.seed, path)).is_some()
    }

    /// Counts something that stands directly at `path`.
    pub(super) fn enter(&mut self, mut path: &[u8]) {
        loop {
            if let Some(at) = self.find_again(path) {
                self.nodes[at as usize].1 += 1;
                return;
            }
            self.longest = self.longest.max(path.len());
            let node = (SmallBytes::new(path), 1);
            let at = self.free.pop().unwrap_or(self.nodes.len() as u32);
            match self.nodes.get_mut(at as usize) {
                Some(free) => *free = node,
                None => self.nodes.push(node),
            }
            self.index.insert(hash(self.seed, path), at);
            let Some(end) = last_separator(path) else { return };
            path = &path[..end];
        }
    }

    /// Counts the register with a key if it stands directly at the path that was asked for last, as most do, and tells
    /// whether it does. This takes no look at the parts of the key.
    pub(super) fn enter_again(&mut self, key: &[u8]) -> bool {
        let Some((path, count)) = self.nodes.get_mut(self.last as usize).filter(|(_, count)| *count > 0) else {
            return false;
        };
        let stands = match key.strip_prefix(&**path) {
            Some([0, 0x10, name @ .., 0, kind]) => *kind == Kind::REGISTER.0 && !name.contains(&0),
            _ => false,
        };
        *count += u32::from(stands);
        stands
    }

    /// Takes back what [`Nodes::enter`] counted.
    pub(super) fn leave(&mut self, mut path: &[u8]) {
        while let Some(at) = self.find_again(path) {
            let node = &mut self.nodes[at as usize];
            node.1 -= 1;
            if node.1 > 0 {
                return;
            }
            *node = (SmallBytes::default(), 0);
            self.index.remove(hash(self.seed, path), at);
            self.free.push(at);
            let Some(end) = last_separator(path) else { return };
            path = &path[..end];
        }
    }

    fn find_again(&mut self, path: &[u8]) -> Option<u32> {
        if self.nodes.get(self.last as usize).is_some_and(|(found, count)| *count > 0 && **found == *path) {
            return Some(self.last);
        }
        self.last = self.find(path, hash(self.seed, path))?;
        Some(self.last)
    }

    fn find(&self, path: &[u8], hash: u32) -> Option<u32> {
        self.index.find(hash, |at| *self.nodes[at as usize].0 == *path)
    }

    /// Compares with nodes that were counted anew; for tests.
    pub(super) fn check(&self, other: &Nodes) -> Result<(), String> {
        let alike = |(path, count): &&(SmallBytes, u32)| {
            let at = other.find(path, hash(other.seed, path));
            at.is_some_and(|at| other.nodes[at as usize].1 == *count)
        };
        match self.nodes.iter().find(|node| !alike(node)) {
            Some((path, count)) => Err(format!("{path:?} holds {count}, which is not what is counted")),
            None if self.index.len() != other.index.len() => Err("a path is counted that holds nothing".into()),
            None => Ok(()),
        }
    }
}
