//! Which files of the project a file's findings may depend on: those that it imports, directly or through others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, Stmt};
use rustc_hash::FxHashMap;

use crate::context::absolute_module;
use crate::program::Program;
use crate::source::Text;

/// The files of the project that a module imports itself.
pub(crate) fn imported(text: &Text, program: &Program) -> Vec<PathBuf> {
    let mut imports = Imports {
        text,
        modules: BTreeSet::new(),
    };
    imports.visit_body(text.body());
    let mut found = BTreeSet::new();
    for module in &imports.modules {
        // `import a.b.c` runs `a` and `a.b` as well.
        let ends = module
            .match_indices('.')
            .map(|(at, _)| at)
            .chain([module.len()]);
        found.extend(ends.filter_map(|end| program.first_party(&module[..end])));
    }
    found.into_iter().cloned().collect()
}

struct Imports<'a> {
    text: &'a Text,
    modules: BTreeSet<String>,
}

impl<'a> Visitor<'a> for Imports<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                self.modules
                    .extend(import.names.iter().map(|alias| alias.name.to_string()));
            }
            Stmt::ImportFrom(import) => {
                let module = absolute_module(self.text, import);
                for alias in &import.names {
                    // What is imported may be a module itself.
                    self.modules.insert(format!("{module}.{}", alias.name));
                }
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

/// The files of which something in `changed` is imported, through any number of others, and these themselves.
pub(crate) fn affected(
    imports: &BTreeMap<PathBuf, Vec<PathBuf>>,
    changed: &[PathBuf],
) -> BTreeSet<PathBuf> {
    let mut importers: FxHashMap<&Path, Vec<&Path>> = FxHashMap::default();
    for (path, imported) in imports {
        for other in imported {
            importers.entry(other).or_default().push(path);
        }
    }
    let mut found: BTreeSet<PathBuf> = BTreeSet::new();
    let mut pending: Vec<&Path> = changed.iter().map(PathBuf::as_path).collect();
    while let Some(path) = pending.pop() {
        if found.insert(path.to_path_buf()) {
            pending.extend(importers.get(path).into_iter().flatten());
        }
    }
    found
}
