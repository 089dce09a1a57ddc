//! What a connection may do in a room.

use super::room::{Conn, Refusal, Room};
use super::room_io::ConnId;
use crate::clock::VersionVector;
use crate::crdt::{Key, Path};
use crate::delta::{Batch, Delta};
use crate::link::{ErrorCode, RemoteError};
use std::collections::BTreeMap;

/// What a connection may do in a room. Reading, and telling one's presence, is part of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rights {
    /// Nothing else.
    Read,
    /// Writing at and below these paths.
    Paths(Vec<Path>),
    /// Writing.
    #[default]
    Write,
}

impl Rights {
    /// Whether the events may be written. Their removals reach no further than their keys.
    pub(super) fn check_batch(&self, batch: &Batch) -> Result<(), RemoteError> {
        self.check_keys(batch.ops.iter().map(|op| &op.key))
    }

    /// Whether a delta may be joined by a room that knows `known`. It says nothing about one that brings nothing new.
    pub(super) fn check_delta(&self, delta: &Delta, known: &VersionVector) -> Result<(), RemoteError> {
        if *self == Rights::Write {
            return Ok(());
        }
        // A complete delta deletes whatever it does not list, and a later horizon retires ids: both go beyond any path.
        if (delta.complete && !known.is_empty()) || delta.version.horizon() > known.horizon() {
            return Err(forbidden("a state that replaces the room's takes the right to write everywhere"));
        }
        let leaves = delta.leaves.iter().map(|leaf| &leaf.key);
        self.check_keys(leaves.chain(delta.deletes.iter().map(|(key, ..)| key)))
    }

    fn check_keys<'a>(&self, mut keys: impl Iterator<Item = &'a Key>) -> Result<(), RemoteError> {
        match self {
            Rights::Write => Ok(()),
            Rights::Read => Err(forbidden("this connection may read the room, not write to it")),
            Rights::Paths(paths) => {
                let outside = |key: &&Key| !paths.iter().any(|path| key.path().is_within(path));
                match keys.find(outside) {
                    None => Ok(()),
                    Some(key) => Err(forbidden(&format!("this connection may not write at {}", shown(&key.path())))),
                }
            }
        }
    }
}

impl Room {
    /// Whoever may more than before is asked for what was refused.
    pub(super) fn set_rights(&mut self, conn: ConnId, rights: Rights) {
        let before = match rights {
            Rights::Write => self.rights.remove(&conn),
            _ => self.rights.insert(conn, rights.clone()),
        };
        let refused = self.conns.get(&conn).is_some_and(|conn| conn.refused == Some(ErrorCode::Forbidden));
        if before.unwrap_or_default() != rights && refused {
            let message = "the rights of this connection are others now: open the room again";
            self.refuse(conn, RemoteError::temporary(ErrorCode::Resync, message), None);
        }
    }
}

/// Whether a write of a connection that goes on was refused, not what it is made of.
pub(super) fn is_refusal(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Forbidden | ErrorCode::Quota)
}

/// Refuses what the connection may not write, what there is no room for (`full` says why), and all that comes behind it on its stream: it builds on what is missing.
pub(super) fn check_rights(
    rights: &BTreeMap<ConnId, Rights>,
    conn: ConnId,
    writer: &mut Conn,
    full: Option<&str>,
    check: impl FnOnce(&Rights) -> Result<(), RemoteError>,
) -> Result<(), Refusal> {
    const BEHIND: &str = "a write before this one was refused, and this one builds on it";
    let checked = match (writer.refused, full) {
        (Some(ErrorCode::Forbidden), _) => Err(forbidden(BEHIND)),
        (Some(code), _) => Err(RemoteError::new(code, BEHIND)),
        (None, full) => rights.get(&conn).map_or(Ok(()), check).and_then(|()| match full {
            Some(reason) => Err(RemoteError::new(ErrorCode::Quota, reason)),
            None => Ok(()),
        }),
    };
    writer.refused = checked.as_ref().err().map(|error| error.code);
    checked.map_err(|error| (error, None))
}

/// The answer to a write that may not be: it does not pass by itself, and the connection goes on.
fn forbidden(what: &str) -> RemoteError {
    RemoteError::new(ErrorCode::Forbidden, format!("{what}; ask for a token that allows it"))
}

/// The path for people, cut to a length that fits into any message.
fn shown(path: &Path) -> String {
    const MOST: usize = 100;
    let whole = path.segments().join("/");
    let cut: String = whole.chars().filter(|char| !char.is_control()).take(MOST).collect();
    if cut.is_empty() { "the root".to_owned() } else { cut }
}
