//! The texts of the files that findings are in, by lines.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::source::Position;

/// Files that have been read, each once.
#[derive(Default)]
pub(super) struct Sources {
    files: RefCell<FxHashMap<PathBuf, Option<Rc<Source>>>>,
}

impl Sources {
    pub(super) fn insert(&self, path: &Path, text: String) {
        let source = Rc::new(Source::new(text));
        self.files
            .borrow_mut()
            .insert(path.to_path_buf(), Some(source));
    }

    /// `None` for what is no file on disk, such as a stub of the standard library.
    pub(super) fn get(&self, path: &Path) -> Option<Rc<Source>> {
        if let Some(found) = self.files.borrow().get(path) {
            return found.clone();
        }
        let source = crate::files::read(path)
            .ok()
            .map(|text| Rc::new(Source::new(text)));
        self.files
            .borrow_mut()
            .insert(path.to_path_buf(), source.clone());
        source
    }
}

/// A text and where its lines are. It may not be the text that was checked, if somebody writes at the same time: every
/// query answers something for any position.
pub(super) struct Source {
    pub(super) text: String,
    /// Without their ends.
    lines: Vec<Range<usize>>,
}

impl Source {
    pub(super) fn new(text: String) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let end = at;
            at += match bytes[at] {
                b'\r' if bytes.get(at + 1) == Some(&b'\n') => 2,
                // As Python has it.
                b'\n' | b'\r' => 1,
                _ => {
                    at += 1;
                    continue;
                }
            };
            lines.push(start..end);
            start = at;
        }
        lines.push(start..bytes.len());
        Self { text, lines }
    }

    pub(super) fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// A line by its number, from 1; empty where there is none.
    pub(super) fn line(&self, number: usize) -> &str {
        let range = number
            .checked_sub(1)
            .and_then(|index| self.lines.get(index));
        let line = range
            .and_then(|range| self.text.get(range.clone()))
            .unwrap_or("");
        if number == 1 {
            line.trim_start_matches('\u{feff}')
        } else {
            line
        }
    }

    /// The bytes of some lines, with their ends.
    pub(super) fn range(&self, first: usize, last: usize) -> Option<Range<usize>> {
        let start = self.lines.get(first.checked_sub(1)?)?.start;
        let end = self
            .lines
            .get(last)
            .map_or(self.text.len(), |next| next.start);
        Some(start..end)
    }

    /// The number of bytes of its line before a position.
    pub(super) fn offset(&self, position: Position) -> usize {
        let line = self.line(position.line);
        line.char_indices()
            .nth(position.column.saturating_sub(1))
            .map_or(line.len(), |(offset, _)| offset)
    }

    /// Where a byte of the text is.
    pub(super) fn position(&self, offset: u32) -> Position {
        let offset = offset as usize;
        let index = self
            .lines
            .partition_point(|line| line.start <= offset)
            .saturating_sub(1);
        let start = self.lines.get(index).map_or(0, |line| line.start);
        let before = self
            .text
            .get(start..offset.min(self.text.len()))
            .unwrap_or("");
        let before = before.trim_start_matches('\u{feff}');
        Position {
            line: index + 1,
            column: before.chars().count() + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_three_ways() {
        let source = Source::new("a\nbü\r\nc\rd".to_owned());
        let lines: Vec<&str> = (1..=source.line_count())
            .map(|line| source.line(line))
            .collect();
        assert_eq!(lines, ["a", "bü", "c", "d"]);
        assert_eq!(source.position(5), Position { line: 2, column: 3 });
        assert_eq!(source.position(99), Position { line: 4, column: 2 });
        assert_eq!(source.offset(Position { line: 2, column: 3 }), 3);
        assert_eq!(source.offset(Position { line: 9, column: 9 }), 0);
        assert_eq!(source.line(0), "");
    }
}
