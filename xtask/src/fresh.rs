//! Work is done again only when what it is made from changed.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::paths;
use crate::problem::Problem;

/// Folders that hold results, not sources.
const RESULTS: &[&str] =
    &["target", "node_modules", "dist", "pkg", "__pycache__", ".git", ".venv", ".pytest_cache", ".mypy_cache"];

/// A fingerprint of inputs, kept beside the name of what was made from them.
///
/// It covers each file's path, length and time of change, so it also notices a removed file and an older one
/// put back.
pub(crate) struct Stamp {
    file: PathBuf,
    print: String,
}

impl Stamp {
    /// Takes the fingerprint of files and folders, given relative to the root. `how` is whatever else the result
    /// depends on: options, versions.
    pub(crate) fn take(name: &str, inputs: &[&str], how: &str) -> Stamp {
        let root = paths::root();
        let mut hasher = DefaultHasher::new();
        how.hash(&mut hasher);
        for input in inputs {
            add(&root.join(input), &mut hasher);
        }
        Stamp { file: paths::own().join("stamps").join(name), print: format!("{:016x}", hasher.finish()) }
    }

    /// Tells whether the result was made from just these inputs and is all there.
    pub(crate) fn is_fresh(&self, outputs: &[&Path]) -> bool {
        outputs.iter().all(|output| output.exists())
            && fs::read_to_string(&self.file).is_ok_and(|print| print == self.print)
    }

    /// Notes that the result was made.
    pub(crate) fn keep(&self) -> Result<(), Problem> {
        if let Some(folder) = self.file.parent() {
            paths::create_dir(folder)?;
        }
        fs::write(&self.file, &self.print).map_err(Problem::file(&self.file))
    }
}

fn add(path: &Path, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    if !metadata.is_dir() {
        metadata.len().hash(hasher);
        let changed = metadata.modified().ok();
        let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        changed.hash(hasher);
        return;
    }
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str());
        if !name.is_some_and(|name| RESULTS.contains(&name)) {
            add(&path, hasher);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print_of(folder: &Path) -> String {
        let folder = folder.to_str().expect("the test folder is UTF-8");
        Stamp::take("test", &[folder], "").print
    }

    #[test]
    fn a_new_a_longer_and_a_removed_file_each_change_the_fingerprint() {
        let folder = std::env::temp_dir().join(format!("xtask-fresh-{}", std::process::id()));
        fs::create_dir_all(folder.join("node_modules")).unwrap();
        fs::write(folder.join("a"), "1").unwrap();
        let first = print_of(&folder);
        fs::write(folder.join("node_modules/ignored"), "1").unwrap();
        assert_eq!(print_of(&folder), first);
        fs::write(folder.join("a"), "12").unwrap();
        let longer = print_of(&folder);
        assert_ne!(longer, first);
        fs::write(folder.join("b"), "").unwrap();
        let more = print_of(&folder);
        assert_ne!(more, longer);
        fs::remove_file(folder.join("b")).unwrap();
        assert_eq!(print_of(&folder), longer);
        fs::remove_dir_all(&folder).unwrap();
    }
}
