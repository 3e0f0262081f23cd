//! Reading files, and finding which ones to check.

use std::path::{Path, PathBuf};

/// The text of a Python file.
///
/// # Errors
/// Says why it cannot be read: not there, not readable, not UTF-8.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    crate::encoding::decode(std::fs::read(path).map_err(|error| error.to_string())?)
}

/// The Python files below the given paths, sorted; what `.gitignore` says is left out unless it was named itself.
pub(crate) fn find(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<(PathBuf, String)>) {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        if path.is_file() {
            found.push(path.clone());
            continue;
        }
        for entry in ignore::WalkBuilder::new(path).require_git(false).build() {
            match entry {
                Ok(entry) => {
                    let path = entry.path();
                    if entry.file_type().is_some_and(|kind| kind.is_file())
                        && path.extension().is_some_and(|extension| extension == "py")
                    {
                        found.push(path.to_path_buf());
                    }
                }
                Err(error) => errors.push((path.clone(), error.to_string())),
            }
        }
    }
    found.sort();
    found.dedup();
    (found, errors)
}
