//! A module's text, tree and names.

use std::path::{Path, PathBuf};

use riata_types::{ModuleTypes, Origin, ParsedModuleRef};
use ruff_python_ast::{ModModule, PythonVersion, Stmt};
use ruff_python_parser::{Mode, ParseError, ParseOptions, Parsed, parse_unchecked};
use ruff_source_file::{LineIndex, SourceLocation};
use ruff_text_size::{TextRange, TextSize};
use self_cell::self_cell;
use serde::{Deserialize, Serialize};

use crate::names::Names;

/// The tree of a module: the one that types were inferred on, or one of our own.
enum Tree {
    Typed(ParsedModuleRef),
    Own(Box<Parsed<ModModule>>),
}

pub(crate) struct Text {
    pub(crate) origin: Origin,
    /// As `import` names it, from the top: `pkg.module`.
    pub(crate) name: String,
    pub(crate) is_package: bool,
    pub(crate) text: String,
    pub(crate) lines: LineIndex,
    tree: Tree,
}

self_cell!(
    /// A module that has been read and parsed, with the index of its names.
    pub(crate) struct Module {
        owner: Text,
        #[covariant]
        dependent: Names,
    }
);

impl Module {
    pub(crate) fn typed(types: &ModuleTypes<'_>) -> Option<Self> {
        let origin = types.origin()?;
        let name = types.name().unwrap_or_else(|| fallback_name(&origin));
        Some(Self::of(Text::build(
            origin,
            name,
            types.text(),
            Tree::Typed(types.parsed()),
        )))
    }

    pub(crate) fn of(text: Text) -> Self {
        Self::new(text, |text| Names::new(text.body()))
    }

    pub(crate) fn text(&self) -> &Text {
        self.borrow_owner()
    }

    pub(crate) fn names(&self) -> &Names<'_> {
        self.borrow_dependent()
    }
}

impl Text {
    /// A text as it is, without types.
    pub(crate) fn own(path: &Path, name: String, text: String, version: (u8, u8)) -> Self {
        let options =
            ParseOptions::from(Mode::Module).with_target_version(PythonVersion::from(version));
        let parsed = parse_unchecked(&text, options)
            .try_into_module()
            .expect("Mode::Module parses into a module");
        let origin = Origin::Path(path.to_path_buf());
        Self::build(origin, name, text, Tree::Own(Box::new(parsed)))
    }

    fn build(origin: Origin, name: String, text: String, tree: Tree) -> Self {
        let is_package = match &origin {
            Origin::Path(path) => path.file_stem().is_some_and(|stem| stem == "__init__"),
            Origin::Typeshed(path) => path.ends_with("__init__.pyi"),
        };
        let lines = LineIndex::from_source_text(&text);
        Self {
            origin,
            name,
            is_package,
            text,
            lines,
            tree,
        }
    }

    pub(crate) fn parsed(&self) -> &Parsed<ModModule> {
        match &self.tree {
            Tree::Typed(parsed) => parsed,
            Tree::Own(parsed) => parsed,
        }
    }

    pub(crate) fn body(&self) -> &[Stmt] {
        self.parsed().suite()
    }

    pub(crate) fn errors(&self) -> &[ParseError] {
        self.parsed().errors()
    }

    pub(crate) fn slice(&self, range: TextRange) -> &str {
        &self.text[range]
    }

    pub(crate) fn path(&self) -> PathBuf {
        match &self.origin {
            Origin::Path(path) => path.clone(),
            Origin::Typeshed(path) => PathBuf::from(path),
        }
    }

    pub(crate) fn position(&self, offset: TextSize) -> Position {
        let SourceLocation {
            line,
            character_offset,
        } = self.lines.source_location(
            offset,
            &self.text,
            ruff_source_file::PositionEncoding::Utf32,
        );
        Position {
            line: line.get(),
            column: character_offset.get(),
        }
    }

    pub(crate) fn location(&self, range: TextRange) -> Location {
        Location {
            path: self.path(),
            start: self.position(range.start()),
            end: self.position(range.end()),
        }
    }

    /// The text of the line that an offset is on, without its end.
    pub(crate) fn line(&self, offset: TextSize) -> &str {
        let line = self.lines.line_index(offset);
        self.text[self.lines.line_range(line, &self.text)].trim_end_matches(['\r', '\n'])
    }
}

/// A place in a text, from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// A span of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    pub path: PathBuf,
    pub start: Position,
    pub end: Position,
}

/// A name for a module that cannot be imported: a script, a file outside of every root.
fn fallback_name(origin: &Origin) -> String {
    match origin {
        Origin::Path(path) => path
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()),
        Origin::Typeshed(path) => path.clone(),
    }
}
