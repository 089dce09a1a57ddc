//! One end of a conversation with a relay, without sockets: what to say, and what an answer means.

mod syncline;
#[cfg(test)]
mod tests;
mod update;
mod yjs;

use ::syncline::clock::VersionVector;
use ::syncline::crdt::Path;
use ::syncline::delta::{Delta, Digest};
use ::syncline::doc::{Doc, Origin};

use super::mark::Mark;
use super::plan::Dialect;
use crate::client::new_replica_id;

use syncline::Syncline;
use yjs::Yjs;

/// Frames to send, in order.
pub(super) type Frames = Vec<Vec<u8>>;

/// A client of either protocol.
#[derive(Debug)]
pub(super) enum Peer {
    Syncline(Box<Syncline>),
    Yjs(Yjs),
}

/// Keys that a writer sets in turn. A relay that puts updates together would leave out a value that was replaced at once, and
/// a document of ever new keys would grow.
const KEYS: u64 = 64;

/// What a frame of the relay means.
#[derive(Debug)]
pub(super) enum Event {
    /// Nothing that matters here, or only the marks that were found in it.
    Nothing,
    /// An answer is due.
    Reply(Frames),
    /// The room is open and all of its content has arrived.
    Joined(Box<Content>),
    /// So many of the own messages are acknowledged by now.
    Acked(u32),
    /// The relay refuses something; the text is for people.
    Refused(String),
}

/// What a room held when it was joined.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// What a replica must come to, if the protocol says so.
    claim: Option<(VersionVector, Digest)>,
}

impl Peer {
    /// A client for a room that it knows nothing of.
    pub(super) fn new(dialect: Dialect, room: &str, number: u32, token: Option<&str>) -> Peer {
        match dialect {
            Dialect::Syncline => Peer::Syncline(Box::new(Syncline::new(room, number, token))),
            Dialect::YWebsocket => Peer::Yjs(Yjs::new(None, token)),
            Dialect::Hocuspocus => Peer::Yjs(Yjs::new(Some(room), token)),
        }
    }

    /// What to say first.
    pub(super) fn greeting(&mut self) -> Frames {
        match self {
            Peer::Syncline(peer) => peer.greeting(),
            Peer::Yjs(peer) => peer.greeting(),
        }
    }

    /// Takes a frame. Appends the marks of messages of `size` bytes that it brings; those of content that was there before do
    /// not count.
    pub(super) fn take(&mut self, frame: &[u8], size: usize, marks: &mut Vec<Mark>) -> Event {
        match self {
            Peer::Syncline(peer) => peer.take(frame, size, marks),
            Peer::Yjs(peer) => peer.take(frame, size, marks),
        }
    }

    /// Writes a text into the room, in place of an earlier one.
    pub(super) fn write(&mut self, text: String) -> Result<Frames, String> {
        match self {
            Peer::Syncline(peer) => peer.write(text),
            Peer::Yjs(peer) => Ok(vec![peer.write(&text)]),
        }
    }

    /// Shows a text to the others as presence.
    pub(super) fn show(&mut self, text: String) -> Result<Frames, String> {
        match self {
            Peer::Syncline(peer) => peer.show(text),
            Peer::Yjs(peer) => Ok(vec![peer.show(&text)]),
        }
    }

    /// Writes cells into the room, in one go.
    pub(super) fn fill(&mut self, cells: u32) -> Result<Frames, String> {
        match self {
            Peer::Syncline(peer) => peer.fill(cells),
            Peer::Yjs(peer) => Ok(vec![peer.fill(cells)]),
        }
    }

    /// Whether an echo of an own message is its acknowledgement.
    pub(super) fn is_acknowledged_by_echo(&self) -> bool {
        matches!(self, Peer::Yjs(peer) if peer.is_bare())
    }
}

impl Content {
    /// Whether the content has a text: for Syncline in a document that comes to the relay's digest.
    pub(super) fn has(&self, text: &str) -> bool {
        let has = |bytes: &[u8]| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        let Some((version, digest)) = &self.claim else { return has(&self.bytes) };
        let mut doc = Doc::new(new_replica_id());
        let joined = Delta::decode(&self.bytes).ok().and_then(|delta| doc.join(&delta, &Origin::Link).ok());
        let is_claimed = joined.is_some() && doc.version() == *version && doc.digest() == *digest;
        is_claimed && doc.to_json(&Path::root()).is_some_and(|json| has(json.as_bytes()))
    }
}

/// Key of a cell: sixteen digits that look random, as keys of real programs do.
fn key(cell: u32) -> String {
    // The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection, so no two keys are equal.
    let mut bits = u64::from(cell).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!("{:016x}", bits ^ (bits >> 31))
}

/// Key of the last of some cells; whoever has it has them all, since they were written in one go.
pub(super) fn last_key(cells: u32) -> String {
    key(cells.saturating_sub(1))
}
