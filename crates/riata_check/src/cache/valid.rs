//! Which entries of an earlier run still hold.

use std::path::Path;

use rustc_hash::FxHashMap;

use super::resolver::Resolver;
use super::state::{self, State};
use super::store::{Entry, Stored};
use super::{answer, code};
use crate::diagnostic::{Diagnostic, cause_at};
use crate::program::Program;
use crate::session::Session;

/// An entry that is as good as new, with its findings where they are now.
pub(super) struct Valid<'s> {
    pub(super) path: &'s Path,
    pub(super) entry: &'s Entry,
    pub(super) findings: Vec<Diagnostic>,
    /// Where its codes begin now.
    pub(super) lines: Vec<usize>,
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

impl Session {
    /// The entries that are as good as new.
    pub(super) fn valid<'s>(
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
