//! The salsa database that the ty crates ask for files, settings and module resolution.

use std::panic::RefUnwindSafe;
use std::sync::Arc;

use ruff_db::diagnostic::Diagnostic;
use ruff_db::files::{File, Files};
use ruff_db::system::System;
use ruff_db::vendored::VendoredFileSystem;
use ty_module_resolver::Db as ModuleResolverDb;
use ty_python_core::program::ProgramSettings;
use ty_python_core::{Db as CoreDb, Program, ProgramFile};
use ty_python_semantic::lint::{LintRegistry, RuleSelection};
use ty_python_semantic::{
    AnalysisSettings, Db as SemanticDb, PythonVersionWithSource, check_file_unwrap,
    default_lint_registry,
};

use crate::Settings;

/// Salsa's storage and what does not change during a run. A clone shares the storage, one for each thread.
#[salsa::db]
#[derive(Clone)]
pub(crate) struct Database {
    storage: salsa::Storage<Self>,
    files: Files,
    system: Arc<dyn System + Send + Sync + RefUnwindSafe>,
    rules: Arc<RuleSelection>,
    analysis: Arc<AnalysisSettings>,
    program: Arc<ProgramSettings>,
    asked: Arc<Settings>,
}

impl Database {
    pub(crate) fn new(
        system: Arc<dyn System + Send + Sync + RefUnwindSafe>,
        asked: Settings,
        settings: impl FnOnce(&Self) -> Result<ProgramSettings, String>,
    ) -> Result<Self, String> {
        let mut db = Self {
            storage: salsa::Storage::new(None),
            files: Files::default(),
            system,
            rules: Arc::new(RuleSelection::from_registry(default_lint_registry())),
            analysis: Arc::new(AnalysisSettings::default()),
            program: Arc::new(ProgramSettings::empty(ty_vendored::file_system())),
            asked: Arc::new(asked),
        };
        let settings = settings(&db)?;
        settings.search_paths.try_register_static_roots(&db);
        db.program = Arc::new(settings);
        Ok(db)
    }

    pub(crate) fn program(&self) -> Program<'_> {
        program(self)
    }

    /// What the program was made with.
    pub(crate) fn asked(&self) -> &Settings {
        &self.asked
    }
}

/// A trait of ours so that the one program can be interned once: hashing its search paths for each file is not cheap.
#[salsa::db]
pub(crate) trait ProgramDb: SemanticDb {
    fn settings(&self) -> &ProgramSettings;
}

#[salsa::tracked(returns(copy))]
fn program(db: &dyn ProgramDb) -> Program<'_> {
    Program::from_settings(db, db.settings())
}

#[salsa::db]
impl ProgramDb for Database {
    fn settings(&self) -> &ProgramSettings {
        &self.program
    }
}

#[salsa::db]
impl salsa::Database for Database {}

#[salsa::db]
impl ruff_db::Db for Database {
    fn vendored(&self) -> &VendoredFileSystem {
        ty_vendored::file_system()
    }

    fn system(&self) -> &dyn System {
        &*self.system
    }

    fn files(&self) -> &Files {
        &self.files
    }
}

#[salsa::db]
impl ModuleResolverDb for Database {}

#[salsa::db]
impl CoreDb for Database {
    fn should_check_file(&self, file: File) -> bool {
        !file.path(self).is_vendored_path()
    }
}

#[salsa::db]
impl SemanticDb for Database {
    fn check_file(&self, file: File) -> Vec<Diagnostic> {
        check_file_unwrap(self, self.program_file(file))
    }

    fn program_file(&self, file: File) -> ProgramFile<'_> {
        self.program().program_file(self, file)
    }

    fn python_version_with_source(&self, _file: File) -> &PythonVersionWithSource {
        &self.program.python_version
    }

    fn rule_selection(&self, _file: File) -> &RuleSelection {
        &self.rules
    }

    fn lint_registry(&self) -> &LintRegistry {
        default_lint_registry()
    }

    fn analysis_settings(&self, _file: File) -> &AnalysisSettings {
        &self.analysis
    }

    fn verbose(&self) -> bool {
        false
    }

    fn is_open_file(&self, _file: File) -> bool {
        false
    }

    fn dyn_clone(&self) -> Box<dyn SemanticDb> {
        Box::new(self.clone())
    }
}
