//! Reading files, and finding which ones to check.

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::run::Problem;
use crate::settings::Settings;

/// The text of a Python file.
///
/// # Errors
/// Says why it cannot be read: not there, not readable, not in the encoding that it declares.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| reason(&error))?;
    riata_types::decode(bytes).map(|(text, _)| text)
}

/// The Python files at and below the given paths, sorted, and what could not be looked at. A file that is named is taken
/// as it is; below a folder, what is excluded and what `.gitignore` says is left out. Links to folders are not followed.
pub fn find(paths: &[PathBuf], settings: &Settings) -> (Vec<PathBuf>, Vec<Problem>) {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        match path.metadata() {
            Ok(data) if data.is_dir() => below(path, settings, &mut found, &mut problems),
            Ok(data) if data.is_file() => found.push(path.clone()),
            Ok(_) => {
                let message = "neither a file nor a folder".to_owned();
                problems.push(Problem {
                    path: path.clone(),
                    message,
                });
            }
            Err(error) => problems.push(Problem {
                path: path.clone(),
                message: reason(&error),
            }),
        }
    }
    found.sort();
    found.dedup();
    (found, problems)
}

fn below(
    folder: &Path,
    settings: &Settings,
    found: &mut Vec<PathBuf>,
    problems: &mut Vec<Problem>,
) {
    let excludes = settings.excludes.clone();
    let mut walk = WalkBuilder::new(folder);
    walk.standard_filters(settings.respect_gitignore)
        .require_git(false)
        // Scripts in `.github` are code as well.
        .hidden(false)
        // A folder that was named is walked, whatever it is called.
        .filter_entry(move |entry| entry.depth() == 0 || !excludes.matches(entry.path()));
    for entry in walk.build() {
        match entry {
            Ok(entry) => {
                let is_file = entry.file_type().is_some_and(|kind| {
                    kind.is_file() || (kind.is_symlink() && entry.path().is_file())
                });
                let is_checked =
                    is_file && is_python(entry.path()) && !settings.scope_leaves_out(entry.path());
                if is_checked {
                    found.push(entry.into_path());
                }
            }
            Err(error) => {
                let path = path_of(&error).unwrap_or(folder).to_path_buf();
                let message = error.io_error().map_or_else(|| error.to_string(), reason);
                problems.push(Problem { path, message });
            }
        }
    }
}

/// Whether a file below a folder is checked: stubs say nothing about what runs, and notebooks are not read.
fn is_python(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "py" || extension == "pyw")
}

/// The path that an error of the walk is about.
fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::Loop { child, .. } => Some(child),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        _ => None,
    }
}

/// What the system says, in words without a number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    // What walks folders puts the path in front, which is told anyway.
    let text = match text.strip_prefix("IO error for operation on ") {
        Some(rest) => rest.rsplit(": ").next().unwrap_or(rest),
        None => text,
    };
    // `IO error` stays as it is.
    if text.chars().nth(1).is_some_and(char::is_uppercase) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}
