//! What a call resolves to, and what a value is: two questions, answered by ty's crates.
//!
//! The only crate that knows ty. Everything that it gives away is a plain value: paths, ranges, names. An upgrade of the
//! pinned release, or another engine, is a change in here.

mod cancel;
mod database;
mod definition;
mod encoding;
mod environment;
mod module;
mod system;
mod value;

pub use cancel::{Canceller, is_cancellation};
pub use definition::{Definition, DefinitionKind, Origin};
pub use encoding::{Encoding, decode};
pub use environment::{Environment, find_environment};
pub use module::{ModuleTypes, module_name_below};
pub use ruff_db::parsed::ParsedModuleRef;
pub use system::LARGEST_FILE;
pub use value::{ClassName, Value};

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use database::Database;
use ruff_db::files::{File, system_path_to_file, vendored_path_to_file};
use ruff_db::source::source_text;
use ruff_db::system::{OsSystem, SystemPath, SystemPathBuf};
use ruff_diagnostics::SourceMap;
use ruff_python_ast::PythonVersion;
use salsa::Setter;
use ty_module_resolver::{FallibleStrategy, SearchPathSettings};
use ty_python_core::platform::PythonPlatform;
use ty_python_core::program::ProgramSettings;
use ty_python_semantic::{PythonVersionSource, PythonVersionWithSource};

/// What types depend on besides the files.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder that relative paths start at, absolute.
    pub root: std::path::PathBuf,
    /// Folders that first-party modules are imported from, absolute.
    pub source_roots: Vec<std::path::PathBuf>,
    /// `site-packages` folders, absolute.
    pub site_packages: Vec<std::path::PathBuf>,
    /// The Python version that the code is checked for, as (3, minor).
    pub python_version: (u8, u8),
}

/// A program whose types can be asked. A clone shares what was inferred, one for each thread.
pub struct Types {
    db: Database,
    /// Whether questions to this handle have been called off, for good.
    cancelled: Arc<AtomicBool>,
}

impl Clone for Types {
    fn clone(&self) -> Self {
        Self {
            db: self.db.clone(),
            cancelled: Arc::default(),
        }
    }
}

impl Types {
    /// # Errors
    /// Says which search path is no folder, or is not valid UTF-8.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let root = system_path(&settings.root)?;
        let files = Arc::new(system::Files(OsSystem::new(root)));
        let db = Database::new(files, settings.clone(), |db| {
            let paths = |paths: &[std::path::PathBuf]| {
                paths
                    .iter()
                    .map(|path| system_path(path).map(SystemPath::to_path_buf))
                    .collect::<Result<Vec<SystemPathBuf>, String>>()
            };
            let search_paths = SearchPathSettings {
                src_roots: paths(&settings.source_roots)?,
                site_packages_paths: paths(&settings.site_packages)?,
                ..SearchPathSettings::empty()
            }
            .to_search_paths(
                ruff_db::Db::system(db),
                ty_vendored::file_system(),
                &FallibleStrategy,
            )
            .map_err(|error| error.to_string())?;
            let (major, minor) = settings.python_version;
            Ok(ProgramSettings {
                python_version: PythonVersionWithSource {
                    version: PythonVersion::from((major, minor)),
                    source: PythonVersionSource::Cli,
                },
                python_platform: PythonPlatform::All,
                search_paths,
            })
        })?;
        Ok(Self {
            db,
            cancelled: Arc::default(),
        })
    }

    /// The module in the file at `path`, absolute; `None` when there is no such file.
    pub fn open(&self, path: &Path) -> Option<ModuleTypes<'_>> {
        let file = system_path_to_file(&self.db, SystemPath::from_std_path(path)?).ok()?;
        Some(ModuleTypes::new(&self.db, file, &self.cancelled))
    }

    /// The module that a definition is in.
    pub fn open_origin(&self, origin: &Origin) -> Option<ModuleTypes<'_>> {
        Some(ModuleTypes::new(
            &self.db,
            self.file(origin)?,
            &self.cancelled,
        ))
    }

    fn file(&self, origin: &Origin) -> Option<File> {
        match origin {
            Origin::Path(path) => {
                system_path_to_file(&self.db, SystemPath::from_std_path(path)?).ok()
            }
            Origin::Typeshed(path) => vendored_path_to_file(&self.db, path.as_str()).ok(),
        }
    }

    /// The file that `import name` would read, for a module named from the top; `None` for one that is not found.
    pub fn find_module(&self, name: &str) -> Option<Origin> {
        module::find(&self.db, name)
    }

    /// Take notice that files were changed, made or removed.
    pub fn refresh<'a>(&mut self, paths: impl IntoIterator<Item = &'a Path>) {
        for path in paths {
            if let Some(path) = SystemPath::from_std_path(path) {
                File::sync_path(&mut self.db, path);
            }
        }
    }

    /// Take `text` for what the file at `path` holds, instead of what is on disk, until the file changes there. Like
    /// `refresh`, it waits until no other handle is left.
    pub fn set_text(&mut self, path: &Path, text: String) {
        let Some(path) = SystemPath::from_std_path(path) else {
            return;
        };
        let Ok(file) = system_path_to_file(&self.db, path) else {
            return;
        };
        let text = system::bounded(text);
        let source = source_text(&self.db, file).with_text(text, &SourceMap::default());
        file.set_source_text_override(&mut self.db).to(Some(source));
    }

    /// What calls off the questions to this handle, from another thread.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(&self.db, Arc::clone(&self.cancelled))
    }
}

fn system_path(path: &Path) -> Result<&SystemPath, String> {
    SystemPath::from_std_path(path)
        .ok_or_else(|| format!("`{}` is not valid UTF-8", path.display()))
}
