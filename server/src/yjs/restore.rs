//! From what is stored of a document to the document.

use super::bytes::Malformed;
use super::document::Document;
use super::room::Command;
use crate::relay::Seed;
use crate::store::{LoadError, Saved};

/// Says why a document is refused. It is never served empty instead.
#[derive(Debug, thiserror::Error)]
pub(super) enum RestoreError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("what is stored of the document is damaged: {0}. Restore the database from a backup.")]
    Damaged(#[from] Malformed),
    #[error("restoring was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// Reads and rebuilds a document; off the workers, since both may take long.
pub(super) async fn restore(seed: &Seed<Command>) -> Result<(Document, Saved), RestoreError> {
    let saved = seed.store.load(&super::name::stored(&seed.name)).await?;
    let task = tokio::task::spawn_blocking(move || {
        let document = Document::restored(&saved)?;
        Ok((document, saved))
    });
    task.await?
}
