//! Check a set of files: read, parse, infer, apply the rules; in parallel.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;
use riata_types::Types;
use rustc_hash::FxHashMap;

use crate::causes;
use crate::checker::{Checker, Hooks};
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::knowledge::Knowledge;
use crate::program::{Program, Worker};
use crate::settings::Settings;
use crate::source::Module;

/// What a run found.
#[derive(Debug, Default)]
pub struct Outcome {
    pub diagnostics: Vec<Diagnostic>,
    /// What could not be checked, and why.
    pub problems: Vec<Problem>,
    /// Files that were checked without types although types were asked for, and why.
    pub fallbacks: Vec<Problem>,
    pub files: usize,
}

impl Outcome {
    /// Add what another run found.
    pub fn merge(&mut self, other: Self) {
        self.diagnostics.extend(other.diagnostics);
        self.problems.extend(other.problems);
        self.fallbacks.extend(other.fallbacks);
        self.files += other.files;
        causes::sort(&mut self.diagnostics);
    }
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many files were found.
    Found(usize),
    /// One more of them has been checked.
    Checked,
}

/// Something that went wrong with a file, not with its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub path: PathBuf,
    pub message: String,
}

/// Check the files below `paths`.
///
/// # Errors
/// Says what is wrong with the settings; a file that cannot be checked is a problem of the outcome.
pub fn check(paths: &[PathBuf], settings: Settings) -> Result<Outcome, String> {
    check_with_progress(paths, settings, &|_| {})
}

/// The same, telling of each step; from many threads.
///
/// # Errors
/// As [`check`].
pub fn check_with_progress(
    paths: &[PathBuf],
    settings: Settings,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, String> {
    let mut knowledge = Knowledge::built_in()?;
    knowledge.extend(&settings.blocking, &settings.not_blocking);
    let (files, problems) = crate::files::find(paths, &settings);
    progress(Progress::Found(files.len()));
    let types = if settings.use_types {
        Some(Types::new(&riata_types::Settings {
            root: settings.root.clone(),
            source_roots: settings.source_roots.clone(),
            site_packages: settings.site_packages.clone(),
            python_version: settings.python_version,
        })?)
    } else {
        None
    };
    let project: FxHashMap<String, PathBuf> =
        files.iter().map(|path| (settings.module_name(path), path.clone())).collect();
    let hooks = Hooks::new(settings.selection.rules());
    let program = Program::new(settings, knowledge, project);
    let mut outcome = Outcome { files: files.len(), problems, ..Outcome::default() };
    // A handle on types belongs to one thread; each makes its own.
    let types = Mutex::new(types);
    let results: Vec<Outcome> = files
        .par_iter()
        .map_init(
            || Worker { program: &program, types: types.lock().expect("no panic while held").clone() },
            |worker, path| {
                let outcome = check_file(worker, &hooks, path);
                progress(Progress::Checked);
                outcome
            },
        )
        .collect();
    for result in results {
        outcome.diagnostics.extend(result.diagnostics);
        outcome.problems.extend(result.problems);
        outcome.fallbacks.extend(result.fallbacks);
    }
    let ignores = &program.settings.per_file_ignores;
    outcome.diagnostics.retain(|found| !ignores.ignores(&found.location.path, &found.code));
    outcome.diagnostics = causes::merge(outcome.diagnostics);
    causes::sort(&mut outcome.diagnostics);
    Ok(outcome)
}

fn check_file(worker: &Worker<'_>, hooks: &Hooks, path: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    let problem = |message: String| Problem { path: path.to_path_buf(), message };
    let text = match worker.program.settings.read(path) {
        Ok(text) => text,
        Err(message) => {
            outcome.problems.push(problem(message));
            return outcome;
        }
    };
    // Without a coroutine there is little to find, and types cost most of the time.
    let types = worker.types.as_ref().filter(|_| text.contains("async"));
    let typed = types.and_then(|types| Module::typed(&types.open(path)?));
    if types.is_some() && typed.is_none() {
        outcome.fallbacks.push(problem("types cannot open it".to_owned()));
    }
    let module = typed.unwrap_or_else(|| {
        let name = worker.program.settings.module_name(path);
        Module::own(path, name, text, worker.program.settings.python_version)
    });
    let mut checker = Checker::new(Context::new(worker, &module), hooks);
    checker.run();
    outcome.problems = checker
        .panics
        .take()
        .into_iter()
        .map(|(rule, message)| problem(format!("rule `{rule}` failed: {message}")))
        .collect();
    outcome.diagnostics = checker.into_found();
    outcome
}
