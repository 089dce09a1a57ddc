//! Documents of Yjs, for unmodified clients: `y-websocket` at `/yjs/NAME`, and `@hocuspocus/provider` at `/hocuspocus`.
//!
//! Both dialects open the same documents. They are stored, compacted, authorised and unloaded as rooms are, under names
//! that no room can have, and what is promised is the same: an update is echoed to its sender (y-websocket) or called
//! stored (Hocuspocus) only when the disk has it.
//!
//! | module | what it is |
//! |---|---|
//! | `bytes`, `block`, `update` | a walk over the format of Yjs; everything from a client is checked by it first |
//! | `ranges`, `author`, `document` | what is known of a document, without placing anything in it |
//! | `presence`, `message`, `name` | who is there; the frames of both dialects; names |
//! | `room`, `member`, `session`, `entry` | the task of a document, its connections, the task of a connection, how one comes in |
//! | `manage` | what operators ask of a document |

mod author;
mod block;
pub(crate) mod bytes;
mod document;
mod entry;
mod manage;
mod member;
mod message;
mod name;
mod presence;
mod ranges;
mod restore;
mod room;
mod session;
#[cfg(test)]
mod tests;
mod update;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header;
use axum::response::Response;
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::limits::{SOCKET_WRITE_BUFFER_MAX, YJS_DOCUMENT_BYTES, YJS_FRAME_BYTES, YJS_INBOX_BYTES};
use crate::relay::{Registry, Relay};
use crate::socket::{Refusal, accept, socket_config};
use crate::store::Saved;

pub use name::from_stored;
pub(crate) use name::{SHOWN_PREFIX, shown, stored};

use document::Document;
use message::Dialect;

/// Path in front of a document's name for y-websocket.
pub(crate) const PATH: &str = "/yjs/";

/// Largest clock that is taken: far from overflow in every implementation.
const CLOCK_MAX: u32 = (1 << 31) - 1;

/// The documents in memory, and what waits for them.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) registry: Registry<room::Command>,
    inbox: Arc<Semaphore>,
}

impl Default for Hub {
    fn default() -> Self {
        Hub { registry: Registry::default(), inbox: Arc::new(Semaphore::new(YJS_INBOX_BYTES)) }
    }
}

/// Takes a client of y-websocket: the rest of the path is the document, and the token is in the query or the header.
///
/// # Errors
/// [`Refusal`] with the HTTP status to answer.
pub(crate) fn upgrade(relay: &Arc<Relay>, request: Request) -> Result<Response, Refusal> {
    let path = request.uri().path();
    let name = name::from_path(path.strip_prefix(PATH).unwrap_or_default()).map_err(|_| Refusal::Name)?;
    let token = name::token(request.uri().query()).or_else(|| bearer(&request));
    accept(relay, request, None, config(), move |relay, accepted| async move {
        session::run(relay, accepted, Dialect::Sync, Some((name, token))).await;
    })
}

/// Takes a client of Hocuspocus, which names documents and shows tokens in its messages.
///
/// # Errors
/// [`Refusal`] with the HTTP status to answer.
pub(crate) fn upgrade_hocuspocus(relay: &Arc<Relay>, request: Request) -> Result<Response, Refusal> {
    accept(relay, request, None, config(), |relay, accepted| async move {
        session::run(relay, accepted, Dialect::Hocuspocus, None).await;
    })
}

/// Puts a stored document together as the relay does when it is opened.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn verify(saved: &Saved) -> Result<(), String> {
    Document::restored(saved).map(drop).map_err(|error| error.to_string())
}

fn bearer(request: &Request) -> Option<String> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    header.strip_prefix("Bearer ").map(str::to_owned)
}

/// These clients know no fragments: a document comes and goes in one frame.
fn config() -> WebSocketConfig {
    socket_config()
        .max_write_buffer_size(SOCKET_WRITE_BUFFER_MAX + 2 * YJS_DOCUMENT_BYTES)
        .max_message_size(Some(YJS_FRAME_BYTES))
        .max_frame_size(Some(YJS_FRAME_BYTES))
}
