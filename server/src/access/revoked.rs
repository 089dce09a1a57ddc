//! Subjects and tokens that were taken back before their time.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::claims::Grant;
use super::error::AccessError;
use super::keys::read_text;
use crate::limits::REVOKED;

/// Names what is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// All tokens whose claim `sub` is this.
    Subject(String),
    /// The token whose claim `jti` is this.
    Token(String),
}

/// Says that a text names no revocation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a revocation: write `sub NAME` or `jti NAME`")]
pub struct ParseRevocationError(String);

/// All that is revoked: what the file lists, and what was revoked while the relay runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Revoked {
    pub(super) listed: HashSet<Revocation>,
    pub(super) added: HashSet<Revocation>,
}

impl Revoked {
    pub(super) fn covers(&self, grant: &Grant) -> bool {
        let is = |revocation: &Revocation| self.listed.contains(revocation) || self.added.contains(revocation);
        let token = grant.token_id().map(|id| Revocation::Token(id.to_owned()));
        is(&Revocation::Subject(grant.subject().to_owned())) || token.is_some_and(|token| is(&token))
    }
}

impl FromStr for Revocation {
    type Err = ParseRevocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseRevocationError(text.chars().take(100).collect());
        let (kind, name) = text.split_once(char::is_whitespace).ok_or_else(wrong)?;
        match (kind, name.trim()) {
            (_, "") => Err(wrong()),
            ("sub", name) => Ok(Revocation::Subject(name.to_owned())),
            ("jti", name) => Ok(Revocation::Token(name.to_owned())),
            _ => Err(wrong()),
        }
    }
}

/// Reads the list: one revocation a line, empty lines, and comments behind `#` at the beginning of a line.
pub(super) fn read_list(path: &Path) -> Result<HashSet<Revocation>, AccessError> {
    let text = read_text("access.revoked", path)?;
    let mut listed = HashSet::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |_| AccessError::Revoked { path: PathBuf::from(path), line: number + 1 };
        listed.insert(line.parse().map_err(wrong)?);
    }
    if listed.len() > REVOKED { Err(AccessError::ManyRevoked(REVOKED)) } else { Ok(listed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("revoked");
        std::fs::write(&path, "# gone\n\nsub ada lovelace\njti\t4711 \n").unwrap();
        let expected = [Revocation::Subject("ada lovelace".into()), Revocation::Token("4711".into())];
        assert_eq!(read_list(&path).unwrap(), expected.into());
        for broken in ["ada", "sub", "sub ", "user ada"] {
            std::fs::write(&path, format!("sub x\n{broken}\n")).unwrap();
            let error = read_list(&path).unwrap_err().to_string();
            assert!(error.starts_with("line 2 of "), "{error}");
        }
    }
}
