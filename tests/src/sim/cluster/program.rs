//! A program that goes from node to node and must see what it wrote and no less than before.

use std::collections::BTreeSet;

use syncline::clock::{Dot, VersionVector};
use syncline::quorum::SessionToken;

use super::ledger::session_place;
use super::node::{Node, text};

/// Refusals after which a program begins a new session: what it waits for may be lost.
const PATIENCE: u32 = 12;

/// A program and its session.
#[derive(Default)]
pub(super) struct Program {
    index: usize,
    /// The token as it travels; empty for a new session.
    token: Vec<u8>,
    /// The numbers that it must see: those written and acknowledged, and those seen before.
    must_see: BTreeSet<u64>,
    next: u64,
    refused: u32,
}

impl Program {
    /// A program without a past.
    pub(super) fn new(index: usize) -> Program {
        Program { index, ..Program::default() }
    }

    /// The number of its next write, for the ledger.
    pub(super) fn next(&mut self) -> (usize, u64) {
        self.next += 1;
        (self.index, self.next)
    }

    fn merge(&mut self, other: &SessionToken) -> Result<(), String> {
        let mut token = self.token()?;
        token.merge(other);
        self.token = token.encode();
        Ok(())
    }

    fn token(&self) -> Result<SessionToken, String> {
        if self.token.is_empty() {
            Ok(SessionToken::default())
        } else {
            SessionToken::decode(&self.token).map_err(text)
        }
    }

    /// A write of it was acknowledged.
    pub(super) fn wrote(&mut self, number: u64, dot: Dot) -> Result<(), String> {
        self.must_see.insert(number);
        self.merge(&SessionToken::wrote(dot))
    }

    /// Reads at a node, if that one has seen enough. Whether it answered.
    pub(super) fn read(&mut self, node: &Node) -> Result<bool, String> {
        let version: VersionVector = node.live.doc.version();
        if !self.token()?.satisfied_by(&version) {
            self.refused += 1;
            if self.refused > PATIENCE {
                let (index, next) = (self.index, self.next);
                *self = Program { next, ..Program::new(index) };
            }
            return Ok(false);
        }
        let keys = node.live.doc.keys(&session_place(self.index));
        let seen: BTreeSet<u64> = keys.iter().filter_map(|key| key.parse().ok()).collect();
        if let Some(missing) = self.must_see.difference(&seen).next() {
            let (index, name) = (self.index, &node.name);
            return Err(format!(
                "program {index} was answered by {name} without {missing}, which it wrote or saw before"
            ));
        }
        self.refused = 0;
        self.must_see.extend(seen);
        self.merge(&SessionToken::saw(version))?;
        Ok(true)
    }
}
