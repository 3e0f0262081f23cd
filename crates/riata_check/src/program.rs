//! What all files of a run share: settings, knowledge, and the modules that have been read.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use dashmap::DashMap;
use riata_types::{Definition, Origin, Types};
use ruff_text_size::TextSize;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::blocking::Memo;
use crate::hierarchy::{self, Hierarchy, Scanned};
use crate::knowledge::Knowledge;
use crate::pytest_config::Config;
use crate::settings::Settings;
use crate::source::{Module, Text};
use crate::trace::{Node, Query, Stack, Trace};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileId(u32);

/// A `def` or a `class`, by its file and the start of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Def {
    pub(crate) file: FileId,
    pub(crate) start: TextSize,
}

/// What files hold instead of what is on disk.
pub(crate) type Texts = FxHashMap<PathBuf, Arc<str>>;

pub(crate) struct Program {
    pub(crate) settings: Arc<Settings>,
    pub(crate) knowledge: Arc<Knowledge>,
    /// The first-party files by the names of their modules.
    pub(crate) project: FxHashMap<String, PathBuf>,
    pub(crate) texts: Arc<Texts>,
    /// What the names of modules in source roots begin with for other roots above them: `src.`.
    inner_roots: Vec<String>,
    hierarchy: OnceLock<Hierarchy>,
    files: RwLock<Files>,
    modules: DashMap<FileId, Option<Arc<Module>>, FxBuildHasher>,
    /// Installed modules that were looked for.
    found: DashMap<String, Option<FileId>, FxBuildHasher>,
    pub(crate) memo: Memo,
    spawned: OnceLock<FxHashSet<String>>,
    /// What results depend on, when somebody wants to know.
    pub(crate) trace: Option<Trace>,
}

#[derive(Default)]
struct Files {
    ids: FxHashMap<Origin, FileId>,
    origins: Vec<Origin>,
}

impl Program {
    pub(crate) fn new(
        settings: Arc<Settings>,
        knowledge: Arc<Knowledge>,
        project: FxHashMap<String, PathBuf>,
        texts: Arc<Texts>,
    ) -> Self {
        Self {
            inner_roots: inner_roots(&settings.source_roots),
            settings,
            knowledge,
            project,
            texts,
            hierarchy: OnceLock::new(),
            files: RwLock::default(),
            modules: DashMap::default(),
            found: DashMap::default(),
            memo: Memo::default(),
            spawned: OnceLock::new(),
            trace: None,
        }
    }

    /// One file of a program as a program of its own.
    pub(crate) fn of_file(&self, path: &Path) -> Self {
        let name = self.settings.module_name(path);
        Self::new(
            Arc::clone(&self.settings),
            Arc::clone(&self.knowledge),
            std::iter::once((name, path.to_path_buf())).collect(),
            Arc::clone(&self.texts),
        )
    }

    pub(crate) fn file(&self, origin: &Origin) -> FileId {
        let known = self.files.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.ids.get(origin) {
            return *found;
        }
        drop(known);
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = files.ids.get(origin) {
            return *found;
        }
        let id = FileId(u32::try_from(files.origins.len()).unwrap_or(u32::MAX));
        files.ids.insert(origin.clone(), id);
        files.origins.push(origin.clone());
        id
    }

    pub(crate) fn origin(&self, file: FileId) -> Origin {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.origins[file.0 as usize].clone()
    }

    pub(crate) fn def(&self, definition: &Definition) -> Def {
        Def {
            file: self.file(&definition.origin),
            start: definition.name_start,
        }
    }

    /// The text of a file.
    ///
    /// # Errors
    /// Says why it cannot be read.
    pub(crate) fn read(&self, path: &Path) -> Result<String, String> {
        match self.texts.get(path) {
            Some(text) => Ok(text.as_ref().to_owned()),
            None => crate::files::read(path),
        }
    }

    /// The first-party file of a module. Where one source root lies in another its files have two names, `acme.x` and
    /// `src.acme.x`: they are known by the shorter one, and code may import either.
    pub(crate) fn first_party(&self, dotted: &str) -> Option<&PathBuf> {
        self.project.get(dotted).or_else(|| {
            let mut names = self
                .inner_roots
                .iter()
                .filter_map(|prefix| dotted.strip_prefix(prefix));
            names.find_map(|name| self.project.get(name))
        })
    }

    /// Names of functions that the project seems to run as tasks of their own.
    pub(crate) fn spawned(&self) -> &FxHashSet<String> {
        self.spawned
            .get_or_init(|| crate::spawned::names(self.project.values()))
    }

    /// The classes of the project, by a scan of its files when they are first asked for. (One thread does it: a parallel
    /// scan in here could take up a file whose rules wait for this very scan.)
    pub(crate) fn hierarchy(&self) -> &Hierarchy {
        self.hierarchy.get_or_init(|| {
            let files = self.project.values();
            Hierarchy::new(files.flat_map(|path| match self.read(path) {
                Ok(text) => hierarchy::scan(path, &text),
                Err(_) => Vec::new(),
            }))
        })
    }

    /// A module that was followed into and is kept; not one that was only under check.
    pub(crate) fn kept_module(&self, file: FileId) -> Option<Arc<Module>> {
        self.modules.get(&file)?.clone()
    }

    /// Whether a file is one of the project's own, and not an installed package.
    pub(crate) fn is_first_party(&self, file: FileId) -> bool {
        match self.origin(file) {
            Origin::Path(path) => self.settings.is_first_party(&path),
            Origin::Typeshed(_) => false,
        }
    }
}

fn inner_roots(roots: &[PathBuf]) -> Vec<String> {
    let mut found = Vec::new();
    for outer in roots {
        let inner = roots
            .iter()
            .filter(|root| *root != outer && root.starts_with(outer));
        found.extend(inner.map(|root| {
            let name = riata_types::module_name_below(std::slice::from_ref(outer), root);
            format!("{name}.")
        }));
    }
    found
}

/// A thread's view of the program: types are asked through a handle of its own.
pub(crate) struct Worker<'p> {
    pub(crate) program: &'p Program,
    pub(crate) types: Option<Types>,
    pub(crate) stack: Stack,
    /// The module under check, which is not kept when that is done.
    current: RefCell<Option<(FileId, Arc<Module>)>>,
}

impl<'p> Worker<'p> {
    pub(crate) fn new(program: &'p Program, types: Option<Types>) -> Self {
        Self {
            program,
            types,
            stack: Stack::default(),
            current: RefCell::default(),
        }
    }

    /// Say which module is under check, while `look` goes on.
    pub(crate) fn with_current<T>(
        &self,
        file: FileId,
        module: &Arc<Module>,
        look: impl FnOnce() -> T,
    ) -> T {
        self.current.replace(Some((file, Arc::clone(module))));
        let result = look();
        self.current.take();
        result
    }

    /// The module that a definition is in, for those who look at the code of that definition and at no other.
    pub(crate) fn module_of(&self, def: Def) -> Option<Arc<Module>> {
        self.asks(|| Node::Code(def));
        self.module_for_interface(def.file)
    }

    /// A module, read and parsed once for all, for those who look at nothing but what it shows to others: see
    /// `cache::interface`.
    pub(crate) fn module_for_interface(&self, file: FileId) -> Option<Arc<Module>> {
        self.asks(|| Node::Interface(file));
        if let Some((current, module)) = &*self.current.borrow()
            && *current == file
        {
            return Some(Arc::clone(module));
        }
        if let Some(found) = self.program.modules.get(&file) {
            return found.clone();
        }
        let origin = self.program.origin(file);
        let module = self.read(&origin).map(Arc::new);
        self.program.modules.entry(file).or_insert(module).clone()
    }

    fn read(&self, origin: &Origin) -> Option<Module> {
        if let Some(types) = &self.types {
            return Module::typed(&types.open_origin(origin)?);
        }
        match origin {
            Origin::Path(path) => {
                let text = self.program.read(path).ok()?;
                if crate::depth::too_deep(&text).is_some() {
                    return None;
                }
                let name = self.program.settings.module_name(path);
                let version = self.program.settings.python_version_of(path);
                Some(Module::of(Text::own(path, name, text, version)))
            }
            Origin::Typeshed(_) => None,
        }
    }

    /// The file of a module by its dotted name: a first-party one, or, with types, an installed one.
    pub(crate) fn find_module(&self, dotted: &str) -> Option<FileId> {
        self.asks(|| Node::Query(Query::Module(dotted.to_owned())));
        if let Some(path) = self.program.first_party(dotted) {
            return Some(self.program.file(&Origin::Path(path.clone())));
        }
        let types = self.types.as_ref()?;
        if let Some(found) = self.program.found.get(dotted) {
            return *found;
        }
        // The standard library is stubs: what is known of it is in the knowledge base.
        let found = types
            .find_module(dotted)
            .filter(|origin| matches!(origin, Origin::Path(_)))
            .map(|origin| self.program.file(&origin));
        self.program.found.insert(dotted.to_owned(), found);
        found
    }

    /// Whether any class of the project has an async method of this name.
    pub(crate) fn has_async_method(&self, name: &str) -> bool {
        self.asks(|| Node::Query(Query::HasAsyncMethod(name.to_owned())));
        self.program.hierarchy().has_async_method(name)
    }

    /// Whether any class of the project has a method of this name that is not async.
    pub(crate) fn has_plain_method(&self, name: &str) -> bool {
        self.asks(|| Node::Query(Query::HasPlainMethod(name.to_owned())));
        self.program.hierarchy().has_plain_method(name)
    }

    /// The classes of the project that may derive from one of this name.
    pub(crate) fn derived(&self, name: &str) -> Vec<&'p Scanned> {
        self.asks(|| Node::Query(Query::Derived(name.to_owned())));
        self.program.hierarchy().derived(name)
    }

    /// The classes of the project that have methods of all these names themselves.
    pub(crate) fn having(&self, methods: Vec<String>) -> Vec<&'p Scanned> {
        let found = self.program.hierarchy().having(&methods);
        self.asks(|| Node::Query(Query::Having(methods)));
        found
    }

    /// The only class of the project whose name is this one, in small letters.
    pub(crate) fn namesake(&self, name: &str) -> Option<&'p Scanned> {
        self.asks(|| Node::Query(Query::Namesake(name.to_owned())));
        self.program.hierarchy().namesake(name)
    }

    /// Whether the project seems to run functions of this name as tasks of their own.
    pub(crate) fn is_spawned(&self, name: &str) -> bool {
        self.asks(|| Node::Query(Query::IsSpawned(name.to_owned())));
        self.program.spawned().contains(name)
    }

    /// What the configuration of pytest around a test says.
    pub(crate) fn pytest_config(&self, test: &Path) -> Config {
        let folder = test.parent().unwrap_or(test);
        self.asks(|| Node::Query(Query::PytestConfig(folder.to_path_buf())));
        Config::of(folder)
    }
}
