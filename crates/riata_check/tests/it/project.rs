//! A folder with Python files that lives as long as a test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use riata_check::diagnostic::Diagnostic;
use riata_check::{Outcome, Session, Settings};

pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root =
            std::env::temp_dir().join(format!("riata-check-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&root).expect("the temporary folder can be written to");
        let project = Self {
            root: root.canonicalize().expect("it was just made"),
        };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("as above");
        std::fs::write(path, text).expect("as above");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file is there")
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::new(self.root.clone())
    }

    pub(crate) fn session(&self) -> Session {
        Session::new(self.files(), self.settings()).expect("the settings are right")
    }

    pub(crate) fn check(&self) -> Outcome {
        self.session().check()
    }

    /// Every `.py` file, sorted.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("the folder is there") {
                let path = entry.expect("the folder is there").path();
                if path.is_dir() && !path.is_symlink() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "py") {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // Nothing depends on it: the system cleans its temporary folder too.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// `line: code`, for each finding.
pub(crate) fn lines(found: &[Diagnostic]) -> Vec<String> {
    found
        .iter()
        .map(|found| format!("{}: {}", found.location.start.line, found.code))
        .collect()
}

/// The problems, with file names alone.
pub(crate) fn problems(outcome: &Outcome) -> Vec<String> {
    outcome
        .problems
        .iter()
        .map(|problem| format!("{}: {}", name(&problem.path), problem.message))
        .collect()
}

fn name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
