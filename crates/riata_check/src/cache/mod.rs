//! Results of an earlier run, on disk, for the files that nothing has changed for.
//!
//! What is found in a file depends on its text, on what the modules that it imports show to others (`interface`), and on
//! the whole text of files whose functions were followed (`trace`). All of that is kept beside the findings, and compared
//! before they are used again. Files whose check went wrong in any way are not kept.

pub(crate) mod code;
pub(crate) mod interface;
mod resolver;
mod state;
mod store;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use riata_types::Origin;
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::diagnostic::{Diagnostic, cause_at};
use crate::files::reason;
use crate::one_file::FileOutcome;
use crate::program::{Def, FileId, Program};
use crate::run::Outcome;
use crate::session::Session;
use crate::settings::Settings;
use crate::source::{Module, Text};
use crate::trace::{Closed, Query, Trace};
use interface::Facts;
use resolver::Resolver;
use state::{Known, Names, State};
use store::{Code, Entry, Place, Stored};

/// The folder in a project's root.
pub const FOLDER: &str = ".riata_cache";

/// Clocks of file systems are coarser than the system's.
const TICK: Duration = Duration::from_millis(20);

/// The kept results of a project under some settings.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    file: PathBuf,
    fingerprint: u128,
    /// Where modules are imported from, apart from installed packages.
    roots: Vec<PathBuf>,
}

/// How a run came out that used a cache.
#[derive(Debug, Default)]
pub struct Cached {
    pub outcome: Outcome,
    /// How many files needed no check.
    pub unchanged: usize,
    /// Why results could not be kept.
    pub failure: Option<String>,
}

impl Cache {
    /// The cache in a folder for checks of `paths`.
    pub fn new(folder: &Path, settings: &Settings, paths: &[PathBuf]) -> Self {
        let installed = Installed::new(&settings.site_packages);
        let rules: Vec<&str> = settings.selection.rules().map(|rule| rule.code).collect();
        let ignores: Vec<_> = settings.per_file_ignores.entries().collect();
        let asked = format!(
            "{:?}",
            (
                (
                    &settings.root,
                    &settings.source_roots,
                    &settings.site_packages,
                    paths
                ),
                (
                    settings.python_version,
                    settings.use_types,
                    settings.follow_properties
                ),
                (rules, ignores, &settings.blocking, &settings.not_blocking),
            )
        );
        let all = format!("{asked}\n{}\n{}", checker(), installed.description);
        let mut roots = settings.source_roots.clone();
        roots.extend(installed.roots);
        Self {
            file: folder.join(format!(
                "{:016x}.{}",
                xxh3_64(asked.as_bytes()),
                store::SUFFIX
            )),
            folder: folder.to_path_buf(),
            fingerprint: xxh3_128(all.as_bytes()),
            roots,
        }
    }
}

/// What tells this checker from others: the version, and the very program while versions are being made.
fn checker() -> String {
    let program = std::env::current_exe().and_then(fs::metadata).ok();
    let program = program.map(|data| (data.len(), data.modified().ok()));
    format!("{} {program:?}", env!("CARGO_PKG_VERSION"))
}

/// What is installed, as its metadata tells.
#[derive(Default)]
struct Installed {
    description: String,
    /// Folders that path files add: editable packages.
    roots: Vec<PathBuf>,
}

impl Installed {
    fn new(site_packages: &[PathBuf]) -> Self {
        let mut all = Self::default();
        for folder in site_packages {
            let mut names = Vec::new();
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let extension = Path::new(&name)
                    .extension()
                    .and_then(|found| found.to_str());
                let is_pth = extension == Some("pth");
                if is_pth || matches!(extension, Some("dist-info" | "egg-info" | "egg-link")) {
                    let modified = entry.metadata().and_then(|data| data.modified()).ok();
                    names.push((name, modified));
                } else {
                    // Also whether there is a package without metadata.
                    names.push((name, None));
                }
                if is_pth && let Ok(text) = fs::read_to_string(entry.path()) {
                    let added = text.lines().map(|line| folder.join(line.trim()));
                    all.roots
                        .extend(added.filter(|path| path != folder && path.is_dir()));
                }
            }
            names.sort();
            all.description
                .push_str(&format!("{folder:?}: {names:?}\n"));
        }
        all
    }
}

impl Session {
    /// Check every file that the cache has no results for, and keep what is found.
    pub fn check_with(&self, cache: &Cache) -> Cached {
        if self.has_texts() || !self.settings().use_types {
            // Results are kept of files as they are on disk, and only where they take longer to find than to read.
            return Cached {
                outcome: self.check(),
                ..Cached::default()
            };
        }
        let begin = SystemTime::now();
        let mut program = self.program();
        program.trace = Some(Trace::default());
        let program = Arc::new(program);
        let resolver = Resolver::new(cache.roots.clone(), self.settings().root.clone());
        let mut names = Names::default();
        let stored = store::load(&cache.file, cache.fingerprint);
        let is_new = stored.is_none();
        let stored = stored.unwrap_or_default();
        let before = (!is_new).then(|| self.look(&stored, &resolver, &mut names));
        let valid = before
            .as_ref()
            .map(|now| self.valid(&stored, now, &program, &resolver))
            .unwrap_or_default();

        let mut results: FxHashMap<&Path, FileOutcome> = FxHashMap::default();
        for valid in &valid {
            let diagnostics = valid.findings.clone();
            results.insert(
                valid.path,
                FileOutcome {
                    diagnostics,
                    ..FileOutcome::default()
                },
            );
        }
        let stale: Vec<PathBuf> = self
            .files()
            .iter()
            .filter(|path| !results.contains_key(path.as_path()))
            .cloned()
            .collect();
        let unchanged = self.files().len() - stale.len();
        if let Some(tell) = &self.on_checked {
            (0..unchanged).for_each(|_| tell());
        }
        let checked = self.check_as_part_of(&program, &stale);

        let is_same = before
            .as_ref()
            .is_some_and(|now| stale.is_empty() && now.is_same(&stored));
        let failure = if is_same {
            store::touch(&cache.file);
            None
        } else {
            let facts = checked
                .iter()
                .filter_map(|(path, found)| Some((path.as_path(), found.facts.as_ref()?)));
            let facts: FxHashMap<&Path, &Facts> = facts.collect();
            let state = self.look_again(&facts, before.as_ref(), &resolver, &mut names);
            let mut next = Next::new(state);
            for valid in &valid {
                next.keep(valid, &stored);
            }
            next.add(&checked, self, &program, &resolver);
            // A file that was changed meanwhile may have been seen in both ways.
            match next.stored(&names, begin.checked_sub(TICK).unwrap_or(begin)) {
                Some(next) => {
                    store::save(&cache.folder, &cache.file, cache.fingerprint, &next).err()
                }
                None => None,
            }
        };
        results.extend(
            checked
                .iter()
                .map(|(path, found)| (path.as_path(), found.clone())),
        );
        let mut outcome = Outcome {
            files: self.files().len(),
            ..Outcome::default()
        };
        for found in self
            .files()
            .iter()
            .filter_map(|path| results.get(path.as_path()))
        {
            outcome.add(found);
        }
        let failure = failure.map(|error| {
            format!(
                "results are not kept in {}: {}",
                cache.folder.display(),
                reason(&error)
            )
        });
        Cached {
            outcome,
            unchanged,
            failure,
        }
    }

    /// The project as it is now, with what is known of the files that have not changed.
    fn look(&self, stored: &Stored, resolver: &Resolver, names: &mut Names) -> State {
        let by_path = stored.by_path();
        let old_names = names.import(&stored.names);
        State::new(self.files(), resolver, names, |path, names| {
            let Ok(text) = crate::files::read(path) else {
                return Known::default();
            };
            let content = interface::content(&text);
            match by_path.get(path).and_then(|index| stored.files.get(*index)) {
                Some(file) if file.content == content && !file.is_foreign => Known {
                    content,
                    interface: file.interface,
                    imports: file
                        .imports
                        .iter()
                        .filter_map(|name| old_names.get(*name as usize).copied())
                        .collect(),
                },
                _ => Known::new(&self.facts(&text), names),
            }
        })
    }

    /// The project as it was checked.
    fn look_again(
        &self,
        facts: &FxHashMap<&Path, &Facts>,
        before: Option<&State>,
        resolver: &Resolver,
        names: &mut Names,
    ) -> State {
        State::new(self.files(), resolver, names, |path, names| {
            if let Some(facts) = facts.get(path) {
                return Known::new(facts, names);
            }
            if let Some(known) = before.and_then(|before| before.known(path)) {
                return known.clone();
            }
            crate::files::read(path).map_or_else(
                |_| Known::default(),
                |text| Known::new(&self.facts(&text), names),
            )
        })
    }

    /// A file as it is now.
    fn module(&self, path: &Path) -> Option<Module> {
        let text = crate::files::read(path).ok()?;
        if crate::depth::is_deeper(&text, crate::depth::MAX_DEPTH) {
            return None;
        }
        let version = self.settings().python_version;
        Some(Module::of(Text::own(path, String::new(), text, version)))
    }

    fn facts(&self, text: &str) -> Facts {
        if crate::depth::is_deeper(text, crate::depth::MAX_DEPTH) {
            return Facts::opaque(text);
        }
        let (major, minor) = self.settings().python_version;
        let options = ruff_python_parser::ParseOptions::from(ruff_python_parser::Mode::Module)
            .with_target_version(ruff_python_ast::PythonVersion::from((major, minor)));
        match ruff_python_parser::parse_unchecked(text, options).try_into_module() {
            Some(parsed) => Facts::new(text, &parsed),
            None => Facts::opaque(text),
        }
    }

    /// The entries that are as good as new.
    fn valid<'s>(
        &self,
        stored: &'s Stored,
        now: &State,
        program: &Program,
        resolver: &Resolver,
    ) -> Vec<Valid<'s>> {
        let dirty = now.dirty(stored);
        // By the numbers of the stored files.
        let same_interface: Vec<bool> = stored
            .files
            .iter()
            .map(|file| {
                file.is_foreign
                    || now
                        .index(&file.path)
                        .is_some_and(|index| !dirty.contains(&index))
            })
            .collect();
        let same_text: Vec<bool> = stored
            .files
            .iter()
            .map(|file| match now.known(&file.path) {
                Some(known) => known.content == file.content,
                None => state::content_of(&file.path) == file.content,
            })
            .collect();
        let same_answer: Vec<bool> = stored
            .queries
            .iter()
            .map(|(query, known)| answer(program, resolver, query) == *known)
            .collect();
        let mut codes: FxHashMap<u32, FxHashMap<String, code::Code>> = FxHashMap::default();
        // Where each code is now, as long as it is the same.
        let same_code: Vec<Option<usize>> = stored
            .codes
            .iter()
            .map(|code| {
                let index = code.file as usize;
                if same_text.get(index).copied().unwrap_or(false) {
                    return Some(code.line);
                }
                let now = codes.entry(code.file).or_insert_with(|| {
                    let file = stored.files.get(index);
                    file.and_then(|file| self.module(&file.path))
                        .map_or_else(FxHashMap::default, |module| code::all(&module))
                });
                let now = now.get(&code.name)?;
                (now.hash == code.hash).then_some(now.line)
            })
            .collect();
        let all = |list: &[u32], same: &[bool]| {
            list.iter()
                .all(|index| same.get(*index as usize).copied().unwrap_or(false))
        };
        let moved = |index: u32| same_code.get(index as usize).copied().flatten();
        let files = stored.files.iter().enumerate().filter_map(|(index, file)| {
            let entry = file.entry.as_ref()?;
            let is_valid = same_text[index]
                && same_interface[index]
                && all(&entry.texts, &same_text)
                && all(&entry.texts, &same_interface)
                && all(&entry.interfaces, &same_interface)
                && entry.codes.iter().all(|index| moved(*index).is_some())
                && all(&entry.queries, &same_answer);
            is_valid.then(|| Valid {
                path: &file.path,
                entry,
                findings: entry.findings_at(stored, moved),
                lines: entry
                    .codes
                    .iter()
                    .filter_map(|index| moved(*index))
                    .collect(),
            })
        });
        files.collect()
    }
}

/// An entry that is as good as new, with its findings where they are now.
struct Valid<'s> {
    path: &'s Path,
    entry: &'s Entry,
    findings: Vec<Diagnostic>,
    /// Where its codes begin now.
    lines: Vec<usize>,
}

impl Entry {
    /// What was found, with the places in other files where they have gone to. `line` says where a code is now.
    fn findings_at(&self, stored: &Stored, line: impl Fn(u32) -> Option<usize>) -> Vec<Diagnostic> {
        let mut findings = self.findings.clone();
        for place in &self.places {
            let (Some(now), Some(code)) = (line(place.code), stored.codes.get(place.code as usize))
            else {
                continue;
            };
            let Some(finding) = findings.get_mut(place.finding as usize) else {
                continue;
            };
            let Some(related) = finding.related.get_mut(place.related as usize) else {
                continue;
            };
            let before = cause_at(&related.location);
            for position in [&mut related.location.start, &mut related.location.end] {
                position.line = (position.line + now).saturating_sub(code.line);
            }
            if finding.cause.as_ref() == Some(&before) {
                finding.cause = Some(cause_at(&related.location));
            }
        }
        findings
    }
}

/// What the project answers, as a hash.
fn answer(program: &Program, resolver: &Resolver, query: &Query) -> u64 {
    let text = match query {
        Query::HasAsyncMethod(name) => return program.hierarchy().has_async_method(name).into(),
        Query::IsSpawned(name) => return program.spawned().contains(name).into(),
        Query::Derived(name) => classes(program.hierarchy().derived(name)),
        Query::Namesake(name) => classes(program.hierarchy().namesake(name).into_iter().collect()),
        Query::Having(methods) => classes(program.hierarchy().having(methods)),
        Query::PytestConfig(folder) => crate::pytest_config::Config::of(folder).text().to_owned(),
        Query::Module(name) => {
            let mut found = Vec::new();
            resolver.absolute(name, &mut found);
            format!("{:?}", (program.project.get(name), found))
        }
    };
    xxh3_64(text.as_bytes())
}

fn classes(found: Vec<&crate::hierarchy::Scanned>) -> String {
    let mut text = String::new();
    for class in found {
        let mut methods: Vec<_> = class.methods.iter().collect();
        methods.sort_unstable();
        text.push_str(&format!("{:?}\n", (&class.path, &class.name, methods)));
    }
    text
}

/// What is to be stored.
struct Next {
    state: State,
    /// Files that are no part of the project, behind those that are.
    foreign: Vec<PathBuf>,
    indices: FxHashMap<PathBuf, u32>,
    entries: FxHashMap<u32, Entry>,
    queries: Vec<(Query, u64)>,
    query_indices: FxHashMap<Query, u32>,
    codes: Vec<Code>,
    code_indices: FxHashMap<Code, u32>,
}

impl Next {
    fn new(state: State) -> Self {
        let indices = state
            .files
            .iter()
            .enumerate()
            .map(|(index, file)| (file.path.clone(), number(index)))
            .collect();
        Self {
            state,
            foreign: Vec::new(),
            indices,
            entries: FxHashMap::default(),
            queries: Vec::new(),
            query_indices: FxHashMap::default(),
            codes: Vec::new(),
            code_indices: FxHashMap::default(),
        }
    }

    fn index(&mut self, path: &Path) -> u32 {
        if let Some(index) = self.indices.get(path) {
            return *index;
        }
        let index = number(self.state.files.len() + self.foreign.len());
        self.foreign.push(path.to_path_buf());
        self.indices.insert(path.to_path_buf(), index);
        index
    }

    fn query(&mut self, query: &Query, answer: impl FnOnce() -> u64) -> u32 {
        if let Some(index) = self.query_indices.get(query) {
            return *index;
        }
        let index = number(self.queries.len());
        self.queries.push((query.clone(), answer()));
        self.query_indices.insert(query.clone(), index);
        index
    }

    fn code(&mut self, code: Code) -> u32 {
        if let Some(index) = self.code_indices.get(&code) {
            return *index;
        }
        let index = number(self.codes.len());
        self.codes.push(code.clone());
        self.code_indices.insert(code, index);
        index
    }

    /// An entry that is still valid.
    fn keep(&mut self, valid: &Valid<'_>, stored: &Stored) {
        let entry = valid.entry;
        let mut moved = |list: &[u32]| -> Option<Vec<u32>> {
            list.iter()
                .map(|old| Some(self.index(&stored.files.get(*old as usize)?.path)))
                .collect()
        };
        let Some((texts, interfaces)) = moved(&entry.texts).zip(moved(&entry.interfaces)) else {
            return;
        };
        let mut codes = Vec::new();
        let mut numbers: FxHashMap<u32, u32> = FxHashMap::default();
        for (old, line) in entry.codes.iter().zip(&valid.lines) {
            let Some(code) = stored.codes.get(*old as usize) else {
                return;
            };
            let Some(file) = stored.files.get(code.file as usize) else {
                return;
            };
            let new = Code {
                file: self.index(&file.path),
                line: *line,
                ..code.clone()
            };
            let new = self.code(new);
            codes.push(new);
            numbers.insert(*old, new);
        }
        let places = entry.places.iter().filter_map(|place| {
            Some(Place {
                code: *numbers.get(&place.code)?,
                ..*place
            })
        });
        let places = places.collect();
        let queries = entry
            .queries
            .iter()
            .filter_map(|old| stored.queries.get(*old as usize));
        let queries = queries
            .map(|(query, answer)| self.query(query, || *answer))
            .collect();
        let index = self.index(valid.path);
        self.entries.insert(
            index,
            Entry {
                texts,
                interfaces,
                codes,
                queries,
                findings: valid.findings.clone(),
                places,
            },
        );
    }

    /// What was just found.
    fn add(
        &mut self,
        checked: &[(PathBuf, FileOutcome)],
        session: &Session,
        program: &Program,
        resolver: &Resolver,
    ) {
        let Some(trace) = &program.trace else { return };
        let closed = Closed::new(trace);
        let mut seen = Vec::new();
        let mut known: FxHashMap<Def, Option<code::Code>> = FxHashMap::default();
        let mut modules: FxHashMap<FileId, Option<Arc<Module>>> = FxHashMap::default();
        let mut module = |file: FileId| {
            let found = modules.entry(file).or_insert_with(|| {
                let kept = program.kept_module(file);
                kept.or_else(|| match program.origin(file) {
                    Origin::Path(path) => session.module(&path).map(Arc::new),
                    Origin::Typeshed(_) => None,
                })
            });
            found.clone()
        };
        for (mark, (path, found)) in (1..).zip(checked) {
            if found.facts.is_none() || !found.problems.is_empty() || !found.notices.is_empty() {
                continue;
            }
            let file = program.file(&Origin::Path(path.clone()));
            let needs = closed.needs(file, &mut seen, mark);
            let mut texts = needs.texts;
            let mut interfaces = needs.interfaces;
            let mut codes: Vec<u32> = Vec::new();
            for def in needs.codes.into_iter().filter(|def| def.file != file) {
                let code = known
                    .entry(def)
                    .or_insert_with(|| code::of(&*module(def.file)?, def.start));
                match code
                    .clone()
                    .and_then(|code| self.code_in(program, def.file, code))
                {
                    Some(code) => {
                        codes.push(code);
                        interfaces.push(def.file);
                    }
                    None => texts.push(def.file),
                }
            }
            // What is said names lines of other files, which are where the code around them is.
            let mut places = Vec::new();
            for (finding, diagnostic) in found.diagnostics.iter().enumerate() {
                for (related, location) in diagnostic
                    .related
                    .iter()
                    .map(|related| &related.location)
                    .enumerate()
                    .filter(|(_, location)| location.path != *path)
                {
                    let file = program.file(&Origin::Path(location.path.clone()));
                    let code =
                        module(file).and_then(|module| code::around(&module, location.start));
                    match code.and_then(|code| self.code_in(program, file, code)) {
                        Some(code) => {
                            codes.push(code);
                            places.push(Place {
                                finding: number(finding),
                                related: number(related),
                                code,
                            });
                        }
                        None => texts.push(file),
                    }
                }
            }
            let texts = self.indices_of(program, &texts);
            let mut interfaces = self.indices_of(program, &interfaces);
            interfaces.retain(|index| texts.binary_search(index).is_err());
            codes.sort_unstable();
            codes.dedup();
            let mut queries: Vec<u32> = needs
                .queries
                .iter()
                .map(|query| self.query(query, || answer(program, resolver, query)))
                .collect();
            queries.sort_unstable();
            let index = self.index(path);
            self.entries.insert(
                index,
                Entry {
                    texts,
                    interfaces,
                    codes,
                    queries,
                    findings: found.diagnostics.clone(),
                    places,
                },
            );
        }
    }

    /// The numbers of files, in order. Those of the standard library are a part of the checker.
    fn indices_of(&mut self, program: &Program, files: &[FileId]) -> Vec<u32> {
        let mut all: Vec<u32> = files
            .iter()
            .filter_map(|file| match program.origin(*file) {
                Origin::Path(path) => Some(self.index(&path)),
                Origin::Typeshed(_) => None,
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn code_in(&mut self, program: &Program, file: FileId, code: code::Code) -> Option<u32> {
        let code::Code { name, hash, line } = code;
        let Origin::Path(path) = program.origin(file) else {
            return None;
        };
        let file = self.index(&path);
        Some(self.code(Code {
            file,
            name,
            hash,
            line,
        }))
    }

    /// `None` when a file was changed since `begin`.
    fn stored(mut self, names: &Names, begin: SystemTime) -> Option<Stored> {
        let mut files = self.state.to_stored();
        files.extend(self.foreign.iter().map(|path| store::File::foreign(path)));
        for file in &files {
            let is_new = fs::metadata(&file.path)
                .and_then(|data| data.modified())
                .map_or(file.content != 0, |modified| modified >= begin);
            if is_new && (file.is_foreign || state::content_of(&file.path) != file.content) {
                return None;
            }
        }
        for (index, file) in files.iter_mut().enumerate() {
            file.entry = self.entries.remove(&number(index));
        }
        Some(Stored {
            files,
            names: names.to_stored(),
            queries: self.queries,
            codes: self.codes,
        })
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
