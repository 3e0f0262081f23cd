//! What a run is asked to do, after files, command line and defaults have been merged.

use std::path::{Path, PathBuf};

use crate::globs::{Excludes, PerFileIgnores};
use crate::rules::Selection;

/// The Python that code is taken to run on, as (3, minor), where nothing says which one.
pub const DEFAULT_PYTHON_VERSION: (u8, u8) = (3, 10);

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
        }
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
