//! Replacing a file by another text so that nobody ever sees half of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Replace what a file holds. Its permissions stay, and a link still leads to where it led. Where no file can be made
/// beside it, it is written in place.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    let permissions = fs::metadata(&target)?.permissions();
    // Renaming would replace a file that its owner protected.
    if permissions.readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"));
    }
    let Ok((beside, mut file)) = new_beside(&target) else {
        return fs::write(&target, bytes);
    };
    let result = file
        .write_all(bytes)
        .and_then(|()| file.set_permissions(permissions))
        .and_then(|()| file.sync_all())
        .and_then(|()| {
            drop(file);
            fs::rename(&beside, &target)
        });
    if result.is_err() {
        // It is ours, and of no use to anybody.
        let _ = fs::remove_file(&beside);
    }
    result
}

pub(crate) fn new_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let process = std::process::id();
    for attempt in 0.. {
        let beside = path.with_file_name(format!(".{name}.{process}-{attempt}.tmp"));
        match OpenOptions::new().write(true).create_new(true).open(&beside) {
            Ok(file) => return Ok((beside, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("the last attempt returns")
}
