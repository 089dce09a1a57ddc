//! What everyone is sent who comes into a room with nothing: encoded once for each version of it.

use super::room::Room;
use super::room_io::{ConnId, FrameKind, RoomOutput};
use crate::clock::VersionVector;
use crate::delta::Digest;
use crate::link::Message;

/// The frames for a newcomer. They go with the next write, so they are kept only while the room stays as it is.
pub(super) struct Welcome {
    version: VersionVector,
    digest: Digest,
    frames: Vec<Vec<u8>>,
}

impl Room {
    /// Sends what a connection at `since` lacks.
    pub(super) fn send_missing(&mut self, conn: ConnId, since: &VersionVector) {
        let alias = self.config.alias;
        if *since != VersionVector::default() {
            let body = self.doc.delta_since(since).encode();
            return self.send(conn, &Message::Delta { alias, body }, FrameKind::Data);
        }
        let (version, digest) = (self.doc.version(), self.doc.digest());
        let kept = self.welcome.take().filter(|kept| kept.version == version && kept.digest == digest);
        let welcome = kept.unwrap_or_else(|| {
            let body = self.doc.delta_since(since).encode();
            Welcome { version, digest, frames: Message::Delta { alias, body }.encode() }
        });
        let send = |frame: &Vec<u8>| RoomOutput::Send { conn, frame: frame.clone(), kind: FrameKind::Data };
        self.outputs.extend(welcome.frames.iter().map(send));
        self.welcome = Some(welcome);
    }
}
