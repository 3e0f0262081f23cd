//! What a run is asked to do, after files, command line and defaults have been merged.

use std::path::{Path, PathBuf};

use crate::globs::{Excludes, PerFileIgnores};
use crate::rules::Selection;

/// The Python that code is taken to run on, as (3, minor), where nothing says which one.
pub const DEFAULT_PYTHON_VERSION: (u8, u8) = (3, 10);

/// What a pyproject.toml below the root says of the files below it, instead of what the settings say. The rest belongs to
/// the program, of which there is one.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The folder of the configuration file, absolute.
    pub folder: PathBuf,
    pub selection: Selection,
    pub per_file_ignores: PerFileIgnores,
    /// What is left out as well as what the settings leave out.
    pub excludes: Excludes,
    /// The oldest Python that rules take the code to run on.
    pub python_version: (u8, u8),
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of the configuration file, or the one that the run was started in; absolute.
    pub root: PathBuf,
    /// Folders that first-party modules are imported from, absolute.
    pub source_roots: Vec<PathBuf>,
    /// `site-packages` folders, absolute.
    pub site_packages: Vec<PathBuf>,
    /// The oldest Python that the code runs on, as (3, minor).
    pub python_version: (u8, u8),
    pub use_types: bool,
    /// Whether reads of properties are followed into their functions.
    pub follow_properties: bool,
    pub selection: Selection,
    /// Rules that are off in some files.
    pub per_file_ignores: PerFileIgnores,
    /// What is left out below the folders that are checked.
    pub excludes: Excludes,
    /// Whether what `.gitignore` and `.ignore` files name is left out as well.
    pub respect_gitignore: bool,
    /// Full names of functions that block, and of ones that do not.
    pub blocking: Vec<String>,
    pub not_blocking: Vec<String>,
    /// Folders with settings of their own.
    pub scopes: Vec<Scope>,
}

impl Settings {
    /// The defaults for a project in a folder, without an environment.
    pub fn new(root: PathBuf) -> Self {
        Self {
            source_roots: vec![root.clone()],
            root,
            site_packages: Vec::new(),
            python_version: DEFAULT_PYTHON_VERSION,
            use_types: true,
            follow_properties: true,
            selection: Selection::default_rules(),
            per_file_ignores: PerFileIgnores::default(),
            excludes: Excludes::default(),
            respect_gitignore: true,
            blocking: Vec::new(),
            not_blocking: Vec::new(),
            scopes: Vec::new(),
        }
    }

    /// The settings of a file: 0 for these, one more than the index of a scope for that one.
    pub(crate) fn scope_number(&self, path: &Path) -> usize {
        let scopes = self.scopes.iter().enumerate();
        scopes
            .filter(|(_, scope)| path.starts_with(&scope.folder))
            .max_by_key(|(_, scope)| scope.folder.components().count())
            .map_or(0, |(index, _)| index + 1)
    }

    fn scope(&self, path: &Path) -> Option<&Scope> {
        self.scopes.get(self.scope_number(path).checked_sub(1)?)
    }

    /// The rules for a file.
    pub(crate) fn selection_of(&self, path: &Path) -> &Selection {
        self.scope(path)
            .map_or(&self.selection, |scope| &scope.selection)
    }

    /// The oldest Python that a file runs on.
    pub(crate) fn python_version_of(&self, path: &Path) -> (u8, u8) {
        self.scope(path)
            .map_or(self.python_version, |scope| scope.python_version)
    }

    /// Whether a rule is off in a file of those that it is on for.
    pub(crate) fn ignores(&self, path: &Path, code: &str) -> bool {
        self.scope(path)
            .map_or(&self.per_file_ignores, |scope| &scope.per_file_ignores)
            .ignores(path, code)
    }

    /// Whether a file that was found below a folder is left out by the scope that it is in.
    pub(crate) fn scope_leaves_out(&self, path: &Path) -> bool {
        self.scope(path).is_some_and(|scope| {
            path.ancestors()
                .take_while(|above| *above != scope.folder)
                .any(|above| scope.excludes.matches(above))
        })
    }

    pub(crate) fn is_first_party(&self, path: &Path) -> bool {
        !self
            .site_packages
            .iter()
            .any(|packages| path.starts_with(packages))
            && (path.starts_with(&self.root)
                || self.source_roots.iter().any(|root| path.starts_with(root)))
    }

    /// The name that `import` would use for a file: its path below the nearest source root.
    pub(crate) fn module_name(&self, path: &Path) -> String {
        riata_types::module_name_below(&self.source_roots, path)
    }
}
