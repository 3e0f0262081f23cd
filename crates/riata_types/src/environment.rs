//! Which installed packages a project sees: its virtual environment, the activated one, or the system's.

use std::path::{Path, PathBuf};

use ruff_db::system::{OsSystem, SystemPath};
use ty_python_semantic::{PythonEnvironment, SysPrefixPathOrigin};

/// A Python environment.
#[derive(Clone, Debug)]
pub struct Environment {
    pub prefix: PathBuf,
    pub site_packages: Vec<PathBuf>,
    /// (3, minor), when the environment tells.
    pub python_version: Option<(u8, u8)>,
}

/// Find the environment of the project at `root`: `python` when given (a folder or an interpreter), else the activated one,
/// `root/.venv`, conda's, or the one of `python3` on PATH.
///
/// # Errors
/// Says what is wrong with an environment that was named or activated.
pub fn find_environment(root: &Path, python: Option<&Path>) -> Result<Option<Environment>, String> {
    let root = SystemPath::from_std_path(root)
        .ok_or_else(|| format!("`{}` is not valid UTF-8", root.display()))?;
    let system = OsSystem::new(root);
    let environment = match python {
        Some(python) => {
            let path = SystemPath::from_std_path(python)
                .ok_or_else(|| format!("`{}` is not valid UTF-8", python.display()))?;
            Some(
                PythonEnvironment::new(path, SysPrefixPathOrigin::PythonCliFlag, &system)
                    .map_err(|error| error.to_string())?,
            )
        }
        None => {
            PythonEnvironment::discover(Some(root), &system).map_err(|error| error.to_string())?
        }
    };
    let Some(environment) = environment else {
        return Ok(None);
    };
    let site_packages = environment
        .site_packages_paths(&system)
        .map_err(|error| error.to_string())?;
    let version = environment
        .python_version_from_metadata()
        .cloned()
        .or_else(|| site_packages.python_version_from_layout())
        .map(|found| (found.version.major, found.version.minor));
    Ok(Some(Environment {
        prefix: environment.sys_prefix().as_std_path().to_path_buf(),
        site_packages: site_packages
            .into_vec()
            .into_iter()
            .map(|path| path.as_std_path().to_path_buf())
            .collect(),
        python_version: version,
    }))
}
