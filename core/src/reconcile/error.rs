//! What can go wrong in a session.

use super::set::SetError;
use crate::bytes::DecodeError;
use crate::doc::{ApplyError, JoinError};

/// A session cannot go on. Nothing was changed in the document, unless an earlier message completed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// A message is malformed.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The document changed at a moment where it must not.
    #[error("the document has changed since the session began: begin a new one")]
    Changed,
    /// A message came that does not belong here.
    #[error("the other side sent a message out of turn: begin a new session")]
    OutOfTurn,
    /// Both sides have more writers than a session numbers.
    #[error("the replicas have more than 65,535 writers between them: exchange snapshots instead")]
    Writers,
    /// The other side's delta was refused.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// This replica's content is not what its digest or its cells were kept for.
    #[error("this replica's content is damaged, or its cells were not kept up to date: load it anew and audit it")]
    Damaged,
    /// The two ends contradict each other.
    #[error("the other side's cells do not fit: begin a new session, with the same build on both sides")]
    Contradiction,
}

impl SessionError {
    /// The name of the cause, the same in every language.
    pub fn code(&self) -> &'static str {
        match self {
            SessionError::Decode(_) => "invalid_message",
            SessionError::Changed => "document_changed",
            SessionError::OutOfTurn => "out_of_turn",
            SessionError::Writers => "too_many_replicas",
            SessionError::Join(JoinError::Apply(ApplyError::InTransaction)) => "in_transaction",
            SessionError::Join(_) => "refused_delta",
            SessionError::Damaged => "damaged",
            SessionError::Contradiction => "contradiction",
        }
    }
}

impl From<SetError> for SessionError {
    fn from(error: SetError) -> Self {
        match error {
            SetError::Decode(error) => SessionError::Decode(error),
            SetError::Changed => SessionError::Changed,
        }
    }
}
