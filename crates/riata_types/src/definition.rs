//! Where a function or a class is defined, as plain values.

use std::path::PathBuf;

use ruff_db::files::FilePath;
use ruff_db::parsed::parsed_module;
use ruff_text_size::{Ranged, TextRange, TextSize};
use ty_python_core::definition::{Definition as TyDefinition, DefinitionKind as TyKind};
use ty_python_core::scope::NodeWithScopeKind;
use ty_python_core::semantic_index;

use crate::database::Database;
use crate::module::module_name;

/// The file of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// A file on disk, absolute.
    Path(PathBuf),
    /// A stub of the standard library, inside the checker.
    Typeshed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefinitionKind {
    Function,
    Class,
}

/// A `def` or a `class`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Definition {
    pub kind: DefinitionKind,
    pub origin: Origin,
    /// Of the name in the statement.
    pub name_start: TextSize,
    /// The module, from the top: `requests.sessions`.
    pub module: String,
    /// The names of the enclosing classes and functions, and its own: `Session.get`.
    pub qualname: String,
}

impl Definition {
    pub(crate) fn new(db: &Database, definition: TyDefinition<'_>) -> Option<Self> {
        let parsed = parsed_module(db, definition.python_file(db)).load(db);
        let kind = match definition.kind(db) {
            TyKind::Function(_) => DefinitionKind::Function,
            TyKind::Class(_) => DefinitionKind::Class,
            _ => return None,
        };
        let range: TextRange = definition.focus_range(db, &parsed).range();
        let file = definition.file(db);
        let mut names = vec![definition.name(db)?];
        let index = semantic_index(db, definition.program_file(db));
        for (_, scope) in index.ancestor_scopes(definition.file_scope(db)) {
            match scope.node() {
                NodeWithScopeKind::Class(class) => {
                    names.push(class.node(&parsed).name.id.to_string());
                }
                NodeWithScopeKind::Function(function) => {
                    names.push(function.node(&parsed).name.id.to_string());
                }
                _ => {}
            }
        }
        names.reverse();
        Some(Self {
            kind,
            origin: origin(file.path(db))?,
            name_start: range.start(),
            module: module_name(db, file).unwrap_or_default(),
            qualname: names.join("."),
        })
    }

    /// The full name: `requests.sessions.Session.get`.
    pub fn dotted(&self) -> String {
        format!("{}.{}", self.module, self.qualname)
    }
}

pub(crate) fn origin(path: &FilePath) -> Option<Origin> {
    match path {
        FilePath::System(path) => Some(Origin::Path(path.as_std_path().to_path_buf())),
        FilePath::Vendored(path) => Some(Origin::Typeshed(path.as_str().to_owned())),
        FilePath::SystemVirtual(_) => None,
    }
}
