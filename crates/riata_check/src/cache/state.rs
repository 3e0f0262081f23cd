//! The files of a project, what each shows and which others it imports.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::interface::{self, Facts};
use super::resolver::Resolver;
use super::store::{self, Stored};

/// Names that are imported, each once.
#[derive(Default)]
pub(super) struct Names {
    list: Vec<Rc<str>>,
    index: FxHashMap<Rc<str>, u32>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(found) = self.index.get(name) {
            return *found;
        }
        let number = super::number(self.list.len());
        let name: Rc<str> = Rc::from(name);
        self.list.push(Rc::clone(&name));
        self.index.insert(name, number);
        number
    }

    pub(super) fn import(&mut self, names: &[String]) -> Vec<u32> {
        names.iter().map(|name| self.number(name)).collect()
    }

    pub(super) fn to_stored(&self) -> Vec<String> {
        self.list.iter().map(ToString::to_string).collect()
    }
}

/// Facts about a file; nothing for one that cannot be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) content: u128,
    pub(super) interface: u128,
    pub(super) imports: Vec<u32>,
}

impl Known {
    pub(super) fn new(facts: &Facts, names: &mut Names) -> Self {
        Self {
            content: facts.content,
            interface: facts.interface,
            imports: facts.imports.iter().map(|name| names.number(name)).collect(),
        }
    }
}

pub(super) struct File {
    pub(super) path: PathBuf,
    known: Known,
    /// The files that its imports lead to, in order.
    resolved: Vec<usize>,
}

pub(super) struct State {
    pub(super) files: Vec<File>,
    index: FxHashMap<PathBuf, usize>,
}

impl State {
    /// Of these files, and of those that they import, through any number of others.
    pub(super) fn new(
        project: &[PathBuf],
        resolver: &Resolver,
        names: &mut Names,
        mut know: impl FnMut(&Path, &mut Names) -> Known,
    ) -> Self {
        let mut state = Self { files: Vec::new(), index: FxHashMap::default() };
        for path in project {
            state.add(path);
        }
        let mut next = 0;
        let mut found = Vec::new();
        while next < state.files.len() {
            let path = state.files[next].path.clone();
            let known = know(&path, names);
            for import in &known.imports {
                if let Some(name) = names.list.get(*import as usize) {
                    resolver.resolve(&path, name, &mut found);
                }
            }
            let mut resolved: Vec<usize> = found.drain(..).map(|path| state.add(&path)).collect();
            resolved.sort_unstable();
            resolved.dedup();
            state.files[next].known = known;
            state.files[next].resolved = resolved;
            next += 1;
        }
        state
    }

    fn add(&mut self, path: &Path) -> usize {
        if let Some(found) = self.index.get(path) {
            return *found;
        }
        let index = self.files.len();
        self.files.push(File { path: path.to_path_buf(), known: Known::default(), resolved: Vec::new() });
        self.index.insert(path.to_path_buf(), index);
        index
    }

    pub(super) fn index(&self, path: &Path) -> Option<usize> {
        self.index.get(path).copied()
    }

    pub(super) fn known(&self, path: &Path) -> Option<&Known> {
        Some(&self.files[self.index(path)?].known)
    }

    /// Whether nothing is different from what was stored.
    pub(super) fn is_same(&self, stored: &Stored) -> bool {
        let own = stored.files.iter().filter(|file| !file.is_foreign);
        own.clone().count() == self.files.len()
            && own.zip(&self.files).all(|(old, new)| old.path == new.path && old.content == new.known.content)
    }

    /// The files of whose imports one shows something else than when it was stored, and those that do so themselves.
    pub(super) fn dirty(&self, stored: &Stored) -> FxHashSet<usize> {
        let old = stored.by_path();
        let mut open: Vec<usize> = Vec::new();
        for (index, file) in self.files.iter().enumerate() {
            let is_same = old.get(file.path.as_path()).and_then(|old| stored.files.get(*old)).is_some_and(|old| {
                let resolved: Option<FxHashSet<usize>> = old
                    .resolved
                    .iter()
                    .map(|number| self.index(&stored.files.get(*number as usize)?.path))
                    .collect();
                !old.is_foreign
                    && old.interface == file.known.interface
                    && resolved.is_some_and(|old| {
                        old.len() == file.resolved.len() && file.resolved.iter().all(|index| old.contains(index))
                    })
            });
            if !is_same {
                open.push(index);
            }
        }
        let mut importers: Vec<Vec<usize>> = vec![Vec::new(); self.files.len()];
        if !open.is_empty() {
            for (index, file) in self.files.iter().enumerate() {
                for imported in &file.resolved {
                    importers[*imported].push(index);
                }
            }
        }
        let mut dirty = FxHashSet::default();
        while let Some(index) = open.pop() {
            if dirty.insert(index) {
                open.extend(&importers[index]);
            }
        }
        dirty
    }

    pub(super) fn to_stored(&self) -> Vec<store::File> {
        let files = self.files.iter().map(|file| store::File {
            path: file.path.clone(),
            content: file.known.content,
            interface: file.known.interface,
            imports: file.known.imports.clone(),
            resolved: file.resolved.iter().map(|index| super::number(*index)).collect(),
            is_foreign: false,
            entry: None,
        });
        files.collect()
    }
}

/// The hash of what a file holds; nothing where it cannot be read.
pub(super) fn content_of(path: &Path) -> u128 {
    crate::files::read(path).map_or(0, |text| interface::content(&text))
}
