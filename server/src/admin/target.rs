//! Which room a request is about: one of Syncline, or a document of Yjs.

use axum::extract::{Path, RawQuery};

use super::Problem;
use super::room_routes::parameters;
use crate::yjs::{SHOWN_PREFIX, from_stored, shown, stored};

/// The protocol of a room of Syncline, and that of a document of Yjs.
const SYNCLINE: &str = "syncline";
const YJS: &str = "yjs";

/// What the path and the parameter `dialect` of a request name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A room by its name.
    Room(String),
    /// A document of Yjs by its name.
    Document(String),
}

impl Target {
    /// Reads the path, and the parameters: `dialect`, and those that are `known` to the request, which are returned.
    ///
    /// As lists do, a path names a document by `yjs:` and its name. A room whose name begins so needs `dialect=syncline`.
    pub(super) fn of(
        Path(name): Path<String>,
        RawQuery(query): RawQuery,
        known: &[&str],
    ) -> Result<(Target, Vec<(String, String)>), Problem> {
        let mut rest = parameters(query.as_deref(), &[known, &["dialect"]].concat())?;
        let at = rest.iter().position(|(name, _)| name == "dialect");
        let dialect = at.map(|at| rest.remove(at).1);
        let document = name.strip_prefix(SHOWN_PREFIX).map(str::to_owned);
        let target = match (dialect.as_deref(), document) {
            (None | Some(YJS), Some(document)) => Target::Document(document),
            (None | Some(SYNCLINE), _) => Target::Room(name),
            (Some(YJS), None) => {
                let advice = format!("Name it as the list of rooms does: {SHOWN_PREFIX}{name}.");
                return Err(Problem::usage(format!("{name:?} is no document of Yjs"), advice));
            }
            (Some(other), _) => {
                let advice = format!("Give `{SYNCLINE}` or `{YJS}`.");
                return Err(Problem::usage(format!("`dialect` is {other:?}"), advice));
            }
        };
        Ok((target, rest))
    }

    /// The name of a room, for what documents do not have.
    pub(super) fn room(self, what: &str) -> Result<String, Problem> {
        match self {
            Target::Room(name) => Ok(name),
            Target::Document(_) => {
                let advice = format!(
                    "Documents can be looked at, exported and compacted. For a room whose own name begins with `{SHOWN_PREFIX}` say `dialect={SYNCLINE}`."
                );
                Err(Problem::usage(format!("{what} is for rooms of Syncline, and this is a document of Yjs"), advice))
            }
        }
    }

    /// The name under which it is stored.
    pub(super) fn stored(&self) -> String {
        match self {
            Target::Room(name) => name.clone(),
            Target::Document(name) => stored(name).to_string(),
        }
    }
}

/// The name of what is stored under a name as operators see it, and its dialect.
pub(super) fn describe(stored: &str) -> (String, &'static str) {
    match from_stored(stored) {
        Some(document) => (shown(document).to_string(), YJS),
        None => (stored.to_owned(), SYNCLINE),
    }
}
