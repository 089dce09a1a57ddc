//! Where things are, from whichever folder xtask was called.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR");
    let folder = manifest.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let folder = PathBuf::from(folder);
    folder.parent().map(Path::to_owned).unwrap_or(folder)
}

/// The target folder of the workspace.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Where xtask keeps its stamps, tools and logs.
pub(crate) fn own() -> PathBuf {
    target().join("xtask")
}

/// The Python interpreter of the virtual environment.
pub(crate) fn venv_python() -> PathBuf {
    target().join("venv/bin/python")
}

/// The relay binary of the development profile.
pub(crate) fn relay() -> PathBuf {
    target().join("debug/syncline")
}

/// A path as it reads best in a message: relative to the root where it lies below it.
pub(crate) fn display(path: &Path) -> String {
    let root = root();
    path.strip_prefix(&root).unwrap_or(path).display().to_string()
}

/// Creates a folder and those above it.
pub(crate) fn create_dir(path: &Path) -> Result<(), Problem> {
    fs::create_dir_all(path).map_err(Problem::file(path))
}

/// Reads the package name out of a folder's `Cargo.toml`.
pub(crate) fn package_name(folder: &str) -> Result<String, Problem> {
    let manifest = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(Problem::file(&manifest))?;
    let name = text.lines().find_map(|line| {
        let value = line.strip_prefix("name")?.trim_start().strip_prefix('=')?;
        Some(value.trim().trim_matches('"').to_owned())
    });
    name.ok_or_else(|| Problem::other(format!("{} has no package name", manifest.display())))
}
