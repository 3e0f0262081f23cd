//! What a run leaves for the next one: the entries that still hold, and those of the files that were checked.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use riata_types::Origin;
use rustc_hash::FxHashMap;

use super::resolver::Resolver;
use super::state::{self, Names, State};
use super::store::{self, Code, Entry, Place, Stored};
use super::valid::Valid;
use super::{answer, code, number};
use crate::one_file::FileOutcome;
use crate::program::{Def, FileId, Program};
use crate::session::Session;
use crate::source::Module;
use crate::trace::{Closed, Query};

/// What is to be stored.
pub(super) struct Next {
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
    pub(super) fn new(state: State) -> Self {
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
    pub(super) fn keep(&mut self, valid: &Valid<'_>, stored: &Stored) {
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
    pub(super) fn add(
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
    pub(super) fn stored(mut self, names: &Names, begin: SystemTime) -> Option<Stored> {
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
