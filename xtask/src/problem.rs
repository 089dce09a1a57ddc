//! What can go wrong, in words a person can act upon.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a command of xtask ended without success.
#[derive(Debug)]
#[non_exhaustive]
pub(crate) enum Problem {
    /// Something this machine lacks, and the command that installs it.
    Missing { what: String, mend: String },
    /// A program ended with an error; `tail` is the end of its output.
    Failed { command: String, ending: String, log: PathBuf, tail: String },
    /// A file could not be read or written.
    File { path: PathBuf, error: io::Error },
    /// The arguments were not understood.
    Usage(String),
    /// More than one thing went wrong.
    Several(Vec<Problem>),
    /// A step failed and has told why.
    Told,
    /// Anything else; the text says what to do.
    Other(String),
}

impl Problem {
    pub(crate) fn missing(what: impl Into<String>, mend: impl Into<String>) -> Problem {
        Problem::Missing { what: what.into(), mend: mend.into() }
    }

    pub(crate) fn usage(text: impl Into<String>) -> Problem {
        Problem::Usage(text.into())
    }

    pub(crate) fn other(text: impl Into<String>) -> Problem {
        Problem::Other(text.into())
    }

    /// For `map_err` on file operations.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Problem {
        let path = path.to_owned();
        move |error| Problem::File { path, error }
    }

    /// One line for a table.
    pub(crate) fn headline(&self) -> String {
        match self {
            Problem::Missing { what, mend } => format!("missing: {what}; mend: {mend}"),
            Problem::Failed { command, ending, .. } => format!("{} {ending}", shorten(command, 60)),
            Problem::Several(all) => {
                let lines: Vec<String> = all.iter().map(Problem::headline).collect();
                lines.join("; ")
            }
            other => other.to_string().replace('\n', " "),
        }
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing { what, mend } => {
                write!(f, "Missing: {what}\nMend it by:  {mend}")
            }
            Problem::Failed { command, ending, log, tail } => {
                if !tail.is_empty() {
                    writeln!(f, "{tail}\n")?;
                }
                write!(f, "`{command}` {ending}\nAll of its output: {}", log.display())
            }
            Problem::File { path, error } => write!(f, "{}: {error}", path.display()),
            Problem::Usage(text) => write!(f, "{text}\nSee `cargo xtask help`"),
            Problem::Several(all) => {
                let texts: Vec<String> = all.iter().map(Problem::to_string).collect();
                f.write_str(&texts.join("\n\n"))
            }
            Problem::Told => Ok(()),
            Problem::Other(text) => f.write_str(text),
        }
    }
}

/// Cuts a text to a number of characters, with an ellipsis where something went.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}
