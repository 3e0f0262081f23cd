//! Check a set of files: read, parse, infer, apply the rules; in parallel.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;
use riata_types::Types;
use rustc_hash::FxHashMap;

use crate::checker::{Checker, Hooks};
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::hierarchy::{self, Hierarchy};
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
    pub files: usize,
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
    let mut knowledge = Knowledge::built_in()?;
    knowledge.extend(&settings.blocking, &settings.not_blocking);
    let (files, errors) = crate::files::find(paths);
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
    let mut program = Program::new(settings, knowledge, project);
    program.hierarchy = Hierarchy::new(
        files
            .par_iter()
            .filter_map(|path| Some(hierarchy::scan(path, &crate::files::read(path).ok()?)))
            .collect::<Vec<_>>()
            .into_iter()
            .flatten(),
    );
    let mut outcome = Outcome { files: files.len(), ..Outcome::default() };
    outcome
        .problems
        .extend(errors.into_iter().map(|(path, message)| Problem { path, message }));
    // A handle on types belongs to one thread; each makes its own.
    let types = Mutex::new(types);
    let results: Vec<(Vec<Diagnostic>, Vec<Problem>)> = files
        .par_iter()
        .map_init(
            || Worker { program: &program, types: types.lock().expect("no panic while held").clone() },
            |worker, path| check_file(worker, &hooks, path),
        )
        .collect();
    for (diagnostics, problems) in results {
        outcome.diagnostics.extend(diagnostics);
        outcome.problems.extend(problems);
    }
    Ok(outcome)
}

fn check_file(worker: &Worker<'_>, hooks: &Hooks, path: &Path) -> (Vec<Diagnostic>, Vec<Problem>) {
    let problem = |message: String| Problem { path: path.to_path_buf(), message };
    let text = match crate::files::read(path) {
        Ok(text) => text,
        Err(message) => return (Vec::new(), vec![problem(message)]),
    };
    let typed = worker
        .types
        .as_ref()
        .filter(|_| ["async", "coroutine", "task"].iter().any(|word| text.contains(word)))
        .and_then(|types| Module::typed(&types.open(path)?));
    let module = typed.unwrap_or_else(|| {
        let name = worker.program.settings.module_name(path);
        Module::own(path, name, text, worker.program.settings.python_version)
    });
    let mut checker = Checker::new(Context::new(worker, &module), hooks);
    checker.run();
    let problems = checker
        .panics
        .take()
        .into_iter()
        .map(|(rule, message)| problem(format!("rule `{rule}` failed: {message}")))
        .collect();
    (checker.into_found(), problems)
}
