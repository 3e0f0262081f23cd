//! Checking again after edits: only what they may have changed, and seldom more often than anybody looks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::dependencies::affected;
use crate::one_file::FileOutcome;
use crate::run::Outcome;
use crate::session::Session;

/// An editor writes a file in several steps: the next one is waited for so long.
const QUIET: Duration = Duration::from_millis(20);
/// However busy the folder is, it is looked at after so long.
const MAX_WAIT: Duration = Duration::from_millis(200);

/// A session whose results are kept, file by file.
pub struct Incremental {
    session: Session,
    results: BTreeMap<PathBuf, FileOutcome>,
}

impl Incremental {
    pub fn new(session: Session) -> Self {
        Self {
            session,
            results: BTreeMap::new(),
        }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Check everything. As with a session, [`Outcome::finish`] makes a report of what is found.
    pub fn check(&mut self) -> Outcome {
        self.results = self
            .session
            .check_files(self.session.files())
            .into_iter()
            .collect();
        self.outcome()
    }

    /// Check again what changes of `changed` may have an effect on. `files` are those that there are now.
    pub fn recheck(&mut self, files: Vec<PathBuf>, changed: &[PathBuf]) -> Outcome {
        let before: BTreeSet<&PathBuf> = self.session.files().iter().collect();
        let are_the_same =
            before.len() == files.len() && files.iter().all(|file| before.contains(file));
        self.session.refresh(files, changed);
        let has_stubs = changed
            .iter()
            .any(|path| path.extension().is_some_and(|found| found == "pyi"));
        if !are_the_same || has_stubs || self.results.is_empty() {
            // An import that was not found may be found now; who imports a stub is not known.
            return self.check();
        }
        let imports: BTreeMap<PathBuf, Vec<PathBuf>> = self
            .results
            .iter()
            .map(|(path, found)| (path.clone(), found.imports.clone()))
            .collect();
        let affected = affected(&imports, changed);
        let affected: Vec<PathBuf> = affected
            .into_iter()
            .filter(|path| self.results.contains_key(path))
            .collect();
        self.results.extend(self.session.check_files(&affected));
        self.outcome()
    }

    fn outcome(&self) -> Outcome {
        let mut outcome = Outcome {
            files: self.results.len(),
            ..Outcome::default()
        };
        self.results.values().for_each(|found| outcome.add(found));
        outcome
    }
}

/// Tells which files were changed in folders.
pub struct Watcher {
    watcher: RecommendedWatcher,
    events: Receiver<notify::Result<Event>>,
    folders: BTreeSet<PathBuf>,
}

impl Watcher {
    /// # Errors
    /// Says why the system lets nobody watch files.
    pub fn new() -> Result<Self, String> {
        let (sender, events) = channel();
        let watcher = notify::recommended_watcher(move |event| {
            // When nobody receives, nobody wants to know.
            let _ = sender.send(event);
        })
        .map_err(|error| format!("cannot watch files: {error}"))?;
        Ok(Self {
            watcher,
            events,
            folders: BTreeSet::new(),
        })
    }

    /// Watch these folders, without those below them, and no others. Gives whether there are new ones among them.
    ///
    /// # Errors
    /// Names the folder that cannot be watched.
    pub fn set_folders(&mut self, folders: BTreeSet<PathBuf>) -> Result<bool, String> {
        for gone in self.folders.difference(&folders) {
            // A folder that is no more is not watched any more either.
            let _ = self.watcher.unwatch(gone);
        }
        let new: Vec<&PathBuf> = folders.difference(&self.folders).collect();
        for folder in &new {
            match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                Err(error) if folder.is_dir() => {
                    return Err(format!("cannot watch {}: {error}", folder.display()));
                }
                _ => {}
            }
        }
        let has_new = !new.is_empty();
        self.folders = folders;
        Ok(has_new)
    }

    /// Wait until something is changed, and a moment for what comes with it. Empty when it is not known what was changed.
    ///
    /// # Errors
    /// Says that nothing can be watched any longer.
    pub fn wait(&self) -> Result<Vec<PathBuf>, String> {
        let mut changed = BTreeSet::new();
        let mut is_known = true;
        let mut begin: Option<Instant> = None;
        loop {
            let event = match begin {
                None => self
                    .events
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
                Some(begin) if begin.elapsed() > MAX_WAIT => break,
                Some(_) => self.events.recv_timeout(QUIET),
            };
            match event {
                Ok(Ok(event)) if is_change(&event) => {
                    begin.get_or_insert_with(Instant::now);
                    is_known &= !event.need_rescan();
                    changed.extend(event.paths);
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(format!("cannot watch files any longer: {error}")),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(String::from("cannot watch files any longer"));
                }
            }
        }
        Ok(if is_known {
            changed.into_iter().collect()
        } else {
            Vec::new()
        })
    }
}

fn is_change(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

/// The folders to watch for changes of files, and for new ones below the paths that they were found at.
pub fn folders(paths: &[PathBuf], files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut found: BTreeSet<PathBuf> = BTreeSet::new();
    let is_below = |folder: &Path| paths.iter().any(|path| folder.starts_with(path));
    for path in paths {
        let folder = if path.is_dir() {
            Some(path.as_path())
        } else {
            path.parent()
        };
        found.extend(folder.map(Path::to_path_buf));
    }
    for file in files {
        for folder in file
            .ancestors()
            .skip(1)
            .take_while(|folder| is_below(folder))
        {
            if !found.insert(folder.to_path_buf()) {
                break;
            }
        }
    }
    found
}
