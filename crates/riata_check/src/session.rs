//! A set of files that is checked, and checked again when some of them have other texts: after fixes, after edits.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use riata_types::Types;
use rustc_hash::FxHashMap;

use crate::checker::Hooks;
use crate::knowledge::Knowledge;
use crate::limit::Slot;
use crate::one_file::{self, FileOutcome};
use crate::program::{Program, Texts, Worker};
use crate::run::{Outcome, Problem, panic_message};
use crate::settings::Settings;

/// Inference recurses along a tree, and so do rules: `depth.rs` bounds how far, this has room for it. Pages that are not
/// used cost nothing.
pub const STACK_SIZE: usize = 256 << 20;

/// How long types may take on one file before it is checked without them. Some files of 10,000 lines take half of it when
/// they are the first to be checked of a large project, and more on a busy machine.
const TIME_LIMIT: Duration = Duration::from_secs(8);

/// How often the clock is looked at.
const STEP: Duration = Duration::from_millis(50);

/// Files under check, with everything that is kept from one run to the next.
pub struct Session {
    settings: Arc<Settings>,
    knowledge: Arc<Knowledge>,
    /// By the number of a file's scope.
    hooks: Arc<Vec<Hooks>>,
    /// A handle on types belongs to one thread; each makes its own from this one.
    types: Arc<Mutex<Option<Types>>>,
    /// Whether these types are held by threads that nobody waits for.
    is_stuck: AtomicBool,
    files: Vec<PathBuf>,
    /// What files hold instead of what is on disk.
    texts: Arc<Texts>,
    pub time_limit: Duration,
    /// Called after each file, from many threads: for those who show how far a run has come.
    pub on_checked: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Session {
    /// # Errors
    /// Says what is wrong with the settings.
    pub fn new(files: Vec<PathBuf>, settings: Settings) -> Result<Self, String> {
        let mut knowledge = Knowledge::built_in()?;
        knowledge.extend(&settings.blocking, &settings.not_blocking);
        let types = if settings.use_types {
            Some(new_types(&settings)?)
        } else {
            None
        };
        Ok(Self {
            hooks: Arc::new(hooks(&settings)),
            knowledge: Arc::new(knowledge),
            types: Arc::new(Mutex::new(types)),
            is_stuck: AtomicBool::new(false),
            files,
            texts: Arc::default(),
            time_limit: TIME_LIMIT,
            on_checked: None,
            settings: Arc::new(settings),
        })
    }

    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether files are taken to hold something else than what is on disk.
    pub(crate) fn has_texts(&self) -> bool {
        !self.texts.is_empty()
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
        if let Some(mut types) = self.types_to_change()
            && let Some(types) = &mut *types
        {
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
        if let Some(mut types) = self.types_to_change()
            && let Some(types) = &mut *types
        {
            types.refresh(changed.iter().map(PathBuf::as_path));
        }
    }

    /// Check every file. [`Outcome::finish`] makes a report of what is found.
    pub fn check(&self) -> Outcome {
        let mut outcome = Outcome {
            files: self.files.len(),
            ..Outcome::default()
        };
        for (_, found) in self.check_files(&self.files) {
            outcome.add(&found);
        }
        outcome
    }

    /// Check some of the files.
    pub(crate) fn check_files(&self, files: &[PathBuf]) -> Vec<(PathBuf, FileOutcome)> {
        self.check_as_part_of(&Arc::new(self.program()), files)
    }

    /// What the files of a run share.
    pub(crate) fn program(&self) -> Program {
        let project: FxHashMap<String, PathBuf> = self
            .files
            .iter()
            .map(|path| (self.settings.module_name(path), path.clone()))
            .collect();
        Program::new(
            Arc::clone(&self.settings),
            Arc::clone(&self.knowledge),
            project,
            Arc::clone(&self.texts),
        )
    }

    pub(crate) fn check_as_part_of(
        &self,
        program: &Arc<Program>,
        files: &[PathBuf],
    ) -> Vec<(PathBuf, FileOutcome)> {
        let run = Arc::new(Run {
            program: Arc::clone(program),
            hooks: Arc::clone(&self.hooks),
            types: Arc::clone(&self.types),
            files: files.to_vec(),
            next: AtomicUsize::new(0),
            time_limit: self.time_limit,
            on_checked: self.on_checked.clone(),
        });
        let (results, abandoned) = run.with_threads();
        if abandoned {
            // Threads that nobody waits for hold on to these types, which can take no other texts any more.
            self.is_stuck.store(true, Ordering::Relaxed);
        }
        files.iter().cloned().zip(results).collect()
    }

    /// The types, for other texts. New ones when those at hand are held by threads that nobody waits for.
    fn types_to_change(&mut self) -> Option<MutexGuard<'_, Option<Types>>> {
        if self.is_stuck.swap(false, Ordering::Relaxed) {
            let mut types = new_types(&self.settings).ok();
            for (path, text) in self.texts.iter() {
                if let Some(types) = &mut types {
                    types.set_text(path, text.as_ref().to_owned());
                }
            }
            self.types = Arc::new(Mutex::new(types));
        }
        let types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        types.is_some().then_some(types)
    }
}

/// One run over files, shared by its threads. A thread that is stuck in types is left behind, and keeps it alive.
struct Run {
    program: Arc<Program>,
    hooks: Arc<Vec<Hooks>>,
    types: Arc<Mutex<Option<Types>>>,
    files: Vec<PathBuf>,
    /// The first file that nobody has begun with.
    next: AtomicUsize,
    time_limit: Duration,
    on_checked: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// A thread at work.
struct Member {
    slot: Arc<Slot>,
    thread: JoinHandle<()>,
}

impl Run {
    /// Check the files, with as many threads as there are processors; also whether a thread was left behind.
    fn with_threads(self: &Arc<Self>) -> (Vec<FileOutcome>, bool) {
        let count = self.files.len();
        let threads = std::thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(count);
        let (sender, receiver) = mpsc::channel();
        let mut crew: Vec<Member> = (0..threads)
            .filter_map(|_| self.spawn(None, sender.clone()))
            .collect();
        if crew.is_empty() {
            self.work(&Slot::default(), None, &sender);
        }
        let mut results: Vec<Option<FileOutcome>> = vec![None; count];
        let mut missing = count;
        let mut abandoned = false;
        let mut last_look = Instant::now();
        while missing > 0 {
            if let Ok((file, found)) = receiver.recv_timeout(STEP)
                && let Some(result @ None) = results.get_mut(file)
            {
                *result = Some(found);
                missing -= 1;
                if let Some(tell) = &self.on_checked {
                    tell();
                }
            }
            if last_look.elapsed() < STEP {
                continue;
            }
            last_look = Instant::now();
            let stuck: Vec<usize> = crew
                .iter()
                .filter_map(|member| member.slot.enforce(self.time_limit))
                .collect();
            crew.retain(|member| !member.slot.is_abandoned());
            for file in stuck {
                abandoned = true;
                match self.spawn(Some(file), sender.clone()) {
                    Some(member) => crew.push(member),
                    None => self.work(&Slot::default(), Some(file), &sender),
                }
            }
        }
        for member in crew {
            // Panics are caught where files are checked.
            let _ = member.thread.join();
        }
        (
            results.into_iter().map(Option::unwrap_or_default).collect(),
            abandoned,
        )
    }

    fn spawn(
        self: &Arc<Self>,
        first: Option<usize>,
        sender: Sender<(usize, FileOutcome)>,
    ) -> Option<Member> {
        let slot = Arc::new(Slot::default());
        let (run, own) = (Arc::clone(self), Arc::clone(&slot));
        std::thread::Builder::new()
            .name(String::from("check"))
            .stack_size(STACK_SIZE)
            .spawn(move || run.work(&own, first, &sender))
            .ok()
            .map(|thread| Member { slot, thread })
    }

    /// Check files until none is left. `first` is one that types are stuck with.
    fn work(&self, slot: &Slot, first: Option<usize>, sender: &Sender<(usize, FileOutcome)>) {
        if let Some(file) = first
            && let Some(path) = self.files.get(file)
        {
            // Whoever does not receive has all it wants.
            let _ = sender.send((file, self.check_without_types(path, &self.too_long())));
        }
        let mut worker = self.new_worker();
        loop {
            let file = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = self.files.get(file) else {
                return;
            };
            if let Some(types) = &worker.types {
                slot.start(file, types);
            }
            let (found, cancelled) = self.check_file(&worker, slot, path);
            if slot.is_abandoned() {
                return;
            }
            let _ = sender.send((file, found));
            if cancelled {
                worker = self.new_worker();
            }
        }
    }

    fn new_worker(&self) -> Worker<'_> {
        let types = self
            .types
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Worker::new(&self.program, types)
    }

    /// Check one file; also whether the worker's types were called off, and must not be asked again.
    fn check_file(&self, worker: &Worker<'_>, slot: &Slot, path: &Path) -> (FileOutcome, bool) {
        let result = catch_unwind(AssertUnwindSafe(|| {
            if self.program.settings.use_types {
                return one_file::check(worker, &self.hooks, path);
            }
            // Without types nothing is followed into other files.
            let program = self.program.of_file(path);
            one_file::check(&Worker::new(&program, None), &self.hooks, path)
        }));
        let cancelled = slot.stop();
        let found = result.unwrap_or_else(|payload| {
            let reason = if cancelled && riata_types::is_cancellation(&*payload) {
                self.too_long()
            } else {
                format!(
                    "the checker failed with types: {}",
                    panic_message(&*payload)
                )
            };
            self.check_without_types(path, &reason)
        });
        (found, cancelled)
    }

    fn too_long(&self) -> String {
        format!("types took longer than {} s", self.time_limit.as_secs_f64())
    }

    /// What is found by names alone does not get into what others remember: they know better.
    fn check_without_types(&self, path: &Path, reason: &str) -> FileOutcome {
        let shared = &self.program;
        let settings = Settings {
            use_types: false,
            ..Settings::clone(&shared.settings)
        };
        let program = Program::new(
            Arc::new(settings),
            Arc::clone(&shared.knowledge),
            shared.project.clone(),
            Arc::clone(&shared.texts),
        );
        let worker = Worker::new(&program, None);
        let result = catch_unwind(AssertUnwindSafe(|| {
            one_file::check(&worker, &self.hooks, path)
        }));
        let told = |message| {
            vec![Problem {
                path: path.to_path_buf(),
                message,
            }]
        };
        match result {
            Ok(mut found) => {
                found
                    .notices
                    .extend(told(format!("{reason}; checked without them")));
                found
            }
            Err(payload) => {
                let message = format!("the checker failed: {}", panic_message(&*payload));
                FileOutcome {
                    problems: told(message),
                    ..FileOutcome::default()
                }
            }
        }
    }
}

fn hooks(settings: &Settings) -> Vec<Hooks> {
    let scopes = settings.scopes.iter().map(|scope| &scope.selection);
    [&settings.selection]
        .into_iter()
        .chain(scopes)
        .map(|selection| Hooks::new(selection.rules()))
        .collect()
}

fn new_types(settings: &Settings) -> Result<Types, String> {
    Types::new(&riata_types::Settings {
        root: settings.root.clone(),
        source_roots: settings.source_roots.clone(),
        site_packages: settings.site_packages.clone(),
        python_version: settings.python_version,
    })
}

#[cfg(test)]
mod tests;
