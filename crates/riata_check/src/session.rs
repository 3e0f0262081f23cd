//! A set of files that is checked, and checked again when some of them have other texts: after fixes, after edits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use rayon::prelude::*;
use riata_types::Types;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::checker::{Checker, Hooks};
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::knowledge::Knowledge;
use crate::limit::{Limit, Slot};
use crate::program::{Program, Texts, Worker};
use crate::run::{Outcome, Problem, panic_message};
use crate::settings::Settings;
use crate::source::Module;
use crate::suppression::Suppressions;

/// Inference recurses along a tree, and so do rules: `depth.rs` bounds how far, this has room for it. Pages that are not
/// used cost nothing.
const STACK_SIZE: usize = 256 << 20;

/// How long types may take on one file before it is checked without them.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Files under check, with everything that is kept from one run to the next.
pub struct Session {
    settings: Settings,
    knowledge: Arc<Knowledge>,
    hooks: Hooks,
    /// A handle on types belongs to one thread; each makes its own from this one.
    types: Mutex<Option<Types>>,
    files: Vec<PathBuf>,
    /// What files hold instead of what is on disk.
    texts: Arc<Texts>,
    pool: rayon::ThreadPool,
    pub time_limit: Duration,
    /// Called after each file, from many threads: for those who show how far a run has come.
    pub on_checked: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// What is said about one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileOutcome {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notices: Vec<Problem>,
    /// The first-party files that what is said may depend on.
    pub(crate) imports: Vec<PathBuf>,
}

impl Session {
    /// # Errors
    /// Says what is wrong with the settings.
    pub fn new(files: Vec<PathBuf>, settings: Settings) -> Result<Self, String> {
        let mut knowledge = Knowledge::built_in()?;
        knowledge.extend(&settings.blocking, &settings.not_blocking);
        let types = if settings.use_types { Some(new_types(&settings)?) } else { None };
        let pool = rayon::ThreadPoolBuilder::new()
            .stack_size(STACK_SIZE)
            .thread_name(|index| format!("check-{index}"))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            hooks: Hooks::new(settings.selection.rules()),
            knowledge: Arc::new(knowledge),
            types: Mutex::new(types),
            files,
            texts: Arc::default(),
            pool,
            time_limit: TIME_LIMIT,
            on_checked: None,
            settings,
        })
    }

    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The text that a file is checked with.
    ///
    /// # Errors
    /// Says why it cannot be read.
    pub fn text(&self, path: &Path) -> Result<String, String> {
        match self.texts.get(path) {
            Some(text) => Ok(text.as_ref().to_owned()),
            None => crate::files::read(path),
        }
    }

    /// Take `text` for what a file holds, whatever is on disk.
    pub fn set_text(&mut self, path: &Path, text: String) {
        Arc::make_mut(&mut self.texts).insert(path.to_path_buf(), Arc::from(text.as_str()));
        if let Some(types) = self.types.get_mut().unwrap_or_else(PoisonError::into_inner) {
            types.set_text(path, text);
        }
    }

    /// Take notice of files that were changed, made or removed on disk, and of which files there are now.
    pub fn refresh(&mut self, files: Vec<PathBuf>, changed: &[PathBuf]) {
        self.files = files;
        if !self.texts.is_empty() {
            let texts = Arc::make_mut(&mut self.texts);
            for path in changed {
                texts.remove(path);
            }
        }
        if let Some(types) = self.types.get_mut().unwrap_or_else(PoisonError::into_inner) {
            types.refresh(changed.iter().map(PathBuf::as_path));
        }
    }

    /// Check every file. [`Outcome::finish`] makes a report of what is found.
    pub fn check(&self) -> Outcome {
        let mut outcome = Outcome { files: self.files.len(), ..Outcome::default() };
        for (_, found) in self.check_files(&self.files) {
            outcome.add(&found);
        }
        outcome
    }

    /// Check some of the files.
    pub(crate) fn check_files(&self, files: &[PathBuf]) -> Vec<(PathBuf, FileOutcome)> {
        let project: FxHashMap<String, PathBuf> =
            self.files.iter().map(|path| (self.settings.module_name(path), path.clone())).collect();
        let program = Program::new(
            self.settings.clone(),
            Arc::clone(&self.knowledge),
            project,
            Arc::clone(&self.texts),
        );
        let new_worker = || Worker {
            program: &program,
            types: self.types.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        let limit = Limit::default();
        let (running, done) = mpsc::channel();
        std::thread::scope(|scope| {
            let limit = &limit;
            scope.spawn(move || limit.watch(self.time_limit, &done));
            let results = self.pool.install(|| {
                files
                    .par_iter()
                    .map_init(
                        || (new_worker(), limit.slot()),
                        |(worker, slot), path| {
                            let (found, cancelled) = self.check_file(worker, slot, path);
                            if cancelled {
                                *worker = new_worker();
                            }
                            if let Some(tell) = &self.on_checked {
                                tell();
                            }
                            (path.clone(), found)
                        },
                    )
                    .collect()
            });
            drop(running);
            results
        })
    }

    /// Check one file; also whether the worker's types were called off, and must not be asked again.
    fn check_file(&self, worker: &Worker<'_>, slot: &Slot, path: &Path) -> (FileOutcome, bool) {
        if let Some(types) = &worker.types {
            slot.start(types);
        }
        let result = catch_unwind(AssertUnwindSafe(|| check_module(worker, &self.hooks, path)));
        let cancelled = slot.stop();
        let found = result.unwrap_or_else(|payload| {
            let reason = if cancelled && riata_types::is_cancellation(&*payload) {
                format!("types took longer than {} s", self.time_limit.as_secs_f64())
            } else {
                format!("the checker failed with types: {}", panic_message(&*payload))
            };
            self.check_without_types(worker.program, path, &reason)
        });
        (found, cancelled)
    }

    /// What is found by names alone does not get into what others remember: they know better.
    fn check_without_types(&self, program: &Program, path: &Path, reason: &str) -> FileOutcome {
        let settings = Settings { use_types: false, ..self.settings.clone() };
        let program = Program::new(
            settings,
            Arc::clone(&self.knowledge),
            program.project.clone(),
            Arc::clone(&self.texts),
        );
        let worker = Worker { program: &program, types: None };
        let result = catch_unwind(AssertUnwindSafe(|| check_module(&worker, &self.hooks, path)));
        let told = |message| vec![Problem { path: path.to_path_buf(), message }];
        match result {
            Ok(mut found) => {
                found.notices.extend(told(format!("{reason}; checked without them")));
                found
            }
            Err(payload) => {
                let message = format!("the checker failed: {}", panic_message(&*payload));
                FileOutcome { problems: told(message), ..FileOutcome::default() }
            }
        }
    }
}

fn new_types(settings: &Settings) -> Result<Types, String> {
    Types::new(&riata_types::Settings {
        root: settings.root.clone(),
        source_roots: settings.source_roots.clone(),
        site_packages: settings.site_packages.clone(),
        python_version: settings.python_version,
    })
}

fn check_module(worker: &Worker<'_>, hooks: &Hooks, path: &Path) -> FileOutcome {
    let problem = |message: String| Problem { path: path.to_path_buf(), message };
    let failed = |message| FileOutcome { problems: vec![problem(message)], ..FileOutcome::default() };
    let program = worker.program;
    let text = match program.read(path) {
        Ok(text) => text,
        Err(message) => return failed(message),
    };
    if crate::depth::is_deeper(&text, crate::depth::MAX_DEPTH) {
        let limit = crate::depth::MAX_DEPTH;
        return failed(format!("nested more than {limit} levels deep, which is too deep to check"));
    }
    // A file without these words has nothing to do with coroutines, whatever its types are.
    let has_async = ["async", "coroutine", "task"].iter().any(|word| text.contains(word));
    let typed = worker
        .types
        .as_ref()
        .filter(|_| has_async)
        .and_then(|types| Module::typed(&types.open(path)?));
    let is_typed = typed.is_some();
    let module = typed.unwrap_or_else(|| {
        let name = program.settings.module_name(path);
        Module::own(path, name, text, program.settings.python_version)
    });
    let mut checker = Checker::new(Context::new(worker, &module), hooks);
    checker.run();
    let panics = checker.panics.take();
    let failed_rules: FxHashSet<&str> = panics.iter().map(|(rule, _)| *rule).collect();
    let mut diagnostics = checker.into_found();
    crate::syntax::apply(module.text(), &mut diagnostics);
    let suppressions = Suppressions::new(module.text());
    suppressions.apply(&mut diagnostics);
    let all_is_known = (is_typed || !has_async) && module.text().errors().is_empty();
    diagnostics.extend(suppressions.findings(module.text(), &program.settings.selection, |rule| {
        all_is_known
            && worker.types.is_some()
            && program.settings.selection.is_on(rule.code)
            && !failed_rules.contains(rule.name)
    }));
    diagnostics.sort_by(|left, right| {
        (left.range, &left.code, &left.message).cmp(&(right.range, &right.code, &right.message))
    });
    let imports = crate::dependencies::imported(module.text(), &program.project);
    let ignores = &program.settings.per_file_ignores;
    diagnostics.retain(|found| !ignores.ignores(path, &found.code));
    let problems = panics
        .iter()
        .map(|(rule, message)| problem(format!("rule `{rule}` failed: {message}")))
        .collect();
    let mut notices = Vec::new();
    if worker.types.is_some() && has_async && !is_typed {
        notices.push(problem("types cannot open it; checked without them".to_owned()));
    }
    FileOutcome { diagnostics, problems, notices, imports }
}

#[cfg(test)]
mod tests;
