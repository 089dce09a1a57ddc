//! Names of documents: what a client may ask for, and under what they are stored.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

/// Begins the name of every stored document of Yjs. No room of Syncline can have it: their names have no control characters.
const STORED_PREFIX: &str = "\u{1}yjs:";

/// Begins the name of every document of Yjs as operators see it.
pub(crate) const SHOWN_PREFIX: &str = "yjs:";

/// The name of a document cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of the document is empty, too long, or has control characters or the parts . or ..; choose another one"
)]
pub(crate) struct BadName;

/// Checks the name of a document: as the names of rooms, and without parts that mean another place.
pub(crate) fn check(name: &str) -> Result<(), BadName> {
    let sound = !name.is_empty()
        && name.len() <= syncline::bounds::ROOM_NAME_BYTES
        && !name.chars().any(char::is_control)
        && !name.split('/').any(|part| part == "." || part == "..");
    if sound { Ok(()) } else { Err(BadName) }
}

/// The name in the rest of a path.
pub(super) fn from_path(rest: &str) -> Result<String, BadName> {
    let name = percent_decode_str(rest).decode_utf8().map_err(|_| BadName)?;
    check(&name).map(|()| name.into_owned())
}

/// The parameter `token` of a query.
pub(super) fn token(query: Option<&str>) -> Option<String> {
    let value = query?.split('&').find_map(|pair| pair.strip_prefix("token="))?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// The name of a document as operators see it.
pub(crate) fn shown(name: &str) -> Arc<str> {
    format!("{SHOWN_PREFIX}{name}").into()
}

/// The name under which a document is stored.
pub(crate) fn stored(name: &str) -> Arc<str> {
    format!("{STORED_PREFIX}{name}").into()
}

/// The name of the document that is stored under a name; `None` for a room of Syncline.
pub fn from_stored(stored: &str) -> Option<&str> {
    stored.strip_prefix(STORED_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_paths_and_reach_no_room_and_no_other_place() {
        assert_eq!(from_path("a/b%20c%C3%A9").as_deref(), Ok("a/b cé"));
        for bad in ["", "..", "a/../b", "a%2f..%2Fb", "a%00b", "%01yjs:x", "%ff", &"x".repeat(257)] {
            assert_eq!(from_path(bad), Err(BadName), "{bad}");
        }
        assert_eq!(from_stored(&stored("x")), Some("x"));
        assert_eq!((from_stored("x"), from_stored("yjs:x")), (None, None));
        assert_eq!(token(Some("a=1&token=x%2By.z&b")).as_deref(), Some("x+y.z"));
        assert_eq!((token(Some("tokens=1")), token(None)), (None, None));
    }
}
