//! The file that results are kept in: a head that says whose it is, a checksum, and JSON.
//!
//! A file that is not what it should be is no file. It is replaced as a whole, so that runs at the same time read one or
//! the other, and never a mixture.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::state::content_of;
use crate::diagnostic::Diagnostic;
use crate::trace::Query;
use crate::write::new_beside;

pub(super) const SUFFIX: &str = "cache";

/// With the number of the format; what other versions wrote is nothing to this one.
const MAGIC: &[u8; 16] = b"riata-check   2\n";

/// Longer than that nobody came back.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// More files than that are not kept: different paths and settings have files of their own.
const MOST_FILES: usize = 32;
/// How often a use leaves a mark.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) files: Vec<File>,
    pub(super) names: Vec<String>,
    pub(super) queries: Vec<(Query, u64)>,
    pub(super) codes: Vec<Code>,
}

/// A function or class that was looked into.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Code {
    /// Number of its file.
    pub(super) file: u32,
    pub(super) name: String,
    pub(super) hash: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) content: u128,
    pub(super) interface: u128,
    /// Numbers of names.
    pub(super) imports: Vec<u32>,
    /// Numbers of files.
    pub(super) resolved: Vec<u32>,
    /// Whether it is only here because functions of it were followed.
    pub(super) is_foreign: bool,
    pub(super) entry: Option<Entry>,
}

/// What was found in a file, and what that depends on.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Numbers of the files whose whole text counts, and of those of which only counts what they show.
    pub(super) texts: Vec<u32>,
    pub(super) interfaces: Vec<u32>,
    pub(super) codes: Vec<u32>,
    pub(super) queries: Vec<u32>,
    pub(super) findings: Vec<Diagnostic>,
}

impl Stored {
    pub(super) fn by_path(&self) -> FxHashMap<&Path, usize> {
        self.files
            .iter()
            .enumerate()
            .map(|(index, file)| (file.path.as_path(), index))
            .collect()
    }
}

impl File {
    pub(super) fn foreign(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            content: content_of(path),
            interface: 0,
            imports: Vec::new(),
            resolved: Vec::new(),
            is_foreign: true,
            entry: None,
        }
    }
}

/// What a file holds, if it is whole, and of the same checker under the same settings.
pub(super) fn load(path: &Path, fingerprint: u128) -> Option<Stored> {
    let bytes = fs::read(path).ok()?;
    let rest = bytes
        .strip_prefix(MAGIC)?
        .strip_prefix(&fingerprint.to_le_bytes())?;
    let (checksum, rest) = rest.split_first_chunk::<16>()?;
    if xxh3_128(rest).to_le_bytes() != *checksum {
        return None;
    }
    serde_json::from_slice(rest).ok()
}

pub(super) fn save(
    folder: &Path,
    path: &Path,
    fingerprint: u128,
    stored: &Stored,
) -> io::Result<()> {
    prepare(folder)?;
    let rest = serde_json::to_vec(stored)?;
    let (beside, mut file) = new_beside(path)?;
    let result = file
        .write_all(MAGIC)
        .and_then(|()| file.write_all(&fingerprint.to_le_bytes()))
        .and_then(|()| file.write_all(&xxh3_128(&rest).to_le_bytes()))
        .and_then(|()| file.write_all(&rest))
        .and_then(|()| {
            drop(file);
            fs::rename(&beside, path)
        });
    if result.is_err() {
        // It is ours, and of no use to anybody.
        let _ = fs::remove_file(&beside);
    }
    clean(folder, path);
    result
}

/// Make the folder, and have version control and backups leave it out.
fn prepare(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let texts = [
        (".gitignore", "# Made by riata check.\n*\n"),
        (
            "CACHEDIR.TAG",
            "Signature: 8a477f597d28d172789f06886806bc55\n# Results of riata check. See https://bford.info/cachedir/\n",
        ),
    ];
    for (name, text) in texts {
        let path = folder.join(name);
        if !path.exists() {
            fs::write(path, text)?;
        }
    }
    Ok(())
}

/// Remember that a file was used.
pub(super) fn touch(path: &Path) {
    let is_old = age(path).is_some_and(|age| age > DAY);
    if is_old && let Ok(file) = fs::OpenOptions::new().append(true).open(path) {
        // It only goes sooner than it should.
        let _ = file.set_modified(SystemTime::now());
    }
}

fn age(path: &Path) -> Option<Duration> {
    fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()
}

/// Remove what other versions wrote, what nobody uses, and what was left half written.
fn clean(folder: &Path, own: &Path) {
    let mut kept: Vec<(Duration, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let age = age(&path).unwrap_or_default();
        match path.extension().and_then(|found| found.to_str()) {
            Some("tmp") if age > DAY => remove(&path),
            Some(SUFFIX) if path != own => {
                if age > UNUSED || !is_of_this_version(&path) {
                    remove(&path);
                } else {
                    kept.push((age, path));
                }
            }
            _ => {}
        }
    }
    kept.sort();
    kept.iter()
        .skip(MOST_FILES - 1)
        .for_each(|(_, path)| remove(path));
}

fn remove(path: &Path) {
    // Another run may have done so already.
    let _ = fs::remove_file(path);
}

fn is_of_this_version(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; MAGIC.len()];
    fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .is_ok()
        && head == *MAGIC
}
