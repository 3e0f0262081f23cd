//! Results of an earlier run, on disk, for the files that nothing has changed for.
//!
//! What is found in a file depends on its text, on what the modules that it imports show to others (`interface`), and on
//! the whole text of files whose functions were followed (`trace`). All of that is kept beside the findings, and compared
//! before they are used again. Files whose check went wrong in any way are not kept.

pub(crate) mod code;
pub(crate) mod interface;
mod next;
mod resolver;
mod state;
mod store;
mod valid;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::files::reason;
use crate::one_file::FileOutcome;
use crate::program::Program;
use crate::run::Outcome;
use crate::session::Session;
use crate::settings::Settings;
use crate::source::{Module, Text};
use crate::trace::{Query, Trace};
use interface::Facts;
use next::Next;
use resolver::Resolver;
use state::{Known, Names, State};
use store::Stored;

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
        let scopes: Vec<_> = settings
            .scopes
            .iter()
            .map(|scope| {
                let rules: Vec<&str> = scope.selection.rules().map(|rule| rule.code).collect();
                let ignores: Vec<_> = scope.per_file_ignores.entries().collect();
                (&scope.folder, rules, ignores, scope.python_version)
            })
            .collect();
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
                scopes,
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
        if crate::depth::too_deep(&text).is_some() {
            return None;
        }
        let version = self.settings().python_version_of(path);
        Some(Module::of(Text::own(path, String::new(), text, version)))
    }

    fn facts(&self, text: &str) -> Facts {
        if crate::depth::too_deep(text).is_some() {
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
}

/// What the project answers, as a hash.
fn answer(program: &Program, resolver: &Resolver, query: &Query) -> u64 {
    let text = match query {
        Query::HasAsyncMethod(name) => return program.hierarchy().has_async_method(name).into(),
        Query::HasPlainMethod(name) => return program.hierarchy().has_plain_method(name).into(),
        Query::IsSpawned(name) => return program.spawned().contains(name).into(),
        Query::Derived(name) => classes(program.hierarchy().derived(name)),
        Query::Namesake(name) => classes(program.hierarchy().namesake(name).into_iter().collect()),
        Query::Having(methods) => classes(program.hierarchy().having(methods)),
        Query::PytestConfig(folder) => crate::pytest_config::Config::of(folder).text().to_owned(),
        Query::Module(name) => {
            let mut found = Vec::new();
            resolver.absolute(name, &mut found);
            format!("{:?}", (program.first_party(name), found))
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

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
