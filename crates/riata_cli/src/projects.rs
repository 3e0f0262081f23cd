//! Which settings the paths of the command line are checked with: those of the nearest configuration above each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use riata_check::Settings;
use riata_check::configuration::{Configuration, ConfigurationFile, absolute};
use riata_check::globs::{DEFAULT_EXCLUDE, Excludes, PerFileIgnores};
use riata_check::report::OutputFormat;
use riata_check::rules::{Selection, Selectors};
use riata_check::settings::{DEFAULT_PYTHON_VERSION, Scope};
use riata_types::Environment;

use crate::arguments::Arguments;

/// More roots than this slow down every import that is not found.
const MAX_PACKAGE_ROOTS: usize = 50;

/// Paths that are checked together.
pub(crate) struct Project {
    /// Absolute.
    pub(crate) paths: Vec<PathBuf>,
    /// The files at and below them, and what could not be looked at.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) problems: Vec<riata_check::Problem>,
    pub(crate) settings: Settings,
    pub(crate) configuration_file: Option<PathBuf>,
    pub(crate) environment: Option<Environment>,
    pub(crate) output_format: Option<OutputFormat>,
    pub(crate) baseline: Option<PathBuf>,
    /// Where results are kept, if they are.
    pub(crate) cache: Option<PathBuf>,
    /// What those want to know who ask for more.
    pub(crate) notes: Vec<String>,
    /// What is wrong with the configuration, and does not keep anybody from checking.
    pub(crate) warnings: Vec<String>,
}

/// The projects that the paths of the command line belong to, in the order of the paths. `stdin` is the path that
/// standard input is at.
pub(crate) fn find(
    arguments: &Arguments,
    folder: &Path,
    stdin: Option<&Path>,
) -> Result<Vec<Project>, String> {
    let command_line = CommandLine::new(arguments, folder)?;
    let mut groups: Vec<Group> = Vec::new();
    for path in &arguments.paths {
        let path = match stdin {
            Some(stdin) if path.as_os_str() == "-" => stdin.to_path_buf(),
            _ => absolute(folder, path),
        };
        let is_stdin = stdin == Some(&path);
        if !is_stdin && path.symlink_metadata().is_err() {
            return Err(format!("no such file or folder: {}", path.display()));
        }
        let own_folder = if !is_stdin && path.is_dir() {
            &*path
        } else {
            path.parent().unwrap_or(&path)
        };
        let file = match (&command_line.file, arguments.sources.isolated) {
            (Some(file), _) => Some(file.clone()),
            (None, true) => None,
            (None, false) => Configuration::find(own_folder)?,
        };
        // Without a configuration, the working directory is as good a root as any for what is in it. Settings of a file
        // that was named hold for where the command is run.
        let root = match &file {
            Some(file) if command_line.file.is_none() => {
                file.path.parent().unwrap_or(folder).to_path_buf()
            }
            _ if path.starts_with(folder) => folder.to_path_buf(),
            _ => own_folder.to_path_buf(),
        };
        match groups
            .iter_mut()
            .find(|group| group.root == root && group.file == file)
        {
            Some(group) => group.paths.push(path),
            None => groups.push(Group {
                root,
                file,
                paths: vec![path],
            }),
        }
    }
    let mut projects = groups
        .into_iter()
        .map(|group| command_line.project(group, stdin))
        .collect::<Result<Vec<Project>, String>>()?;
    check_once(&mut projects);
    Ok(projects)
}

/// Where a path lies below another one and has a configuration of its own, its files are checked with that one only.
fn check_once(projects: &mut [Project]) {
    let all: Vec<Vec<PathBuf>> = projects
        .iter()
        .map(|project| project.paths.clone())
        .collect();
    let nearest = |file: &Path, paths: &[PathBuf]| {
        let above = paths.iter().filter(|path| file.starts_with(path));
        above.map(|path| path.components().count()).max()
    };
    for (index, project) in projects.iter_mut().enumerate() {
        project.files.retain(|file| {
            let own = nearest(file, &all[index]);
            let mut others = all.iter().enumerate().filter(|(other, _)| *other != index);
            !others.any(|(_, paths)| nearest(file, paths) > own)
        });
    }
}

struct Group {
    root: PathBuf,
    file: Option<ConfigurationFile>,
    paths: Vec<PathBuf>,
}

/// What the command line says for all projects.
struct CommandLine<'a> {
    arguments: &'a Arguments,
    folder: &'a Path,
    /// The one that was named.
    file: Option<ConfigurationFile>,
    /// Settings that were written out, in their order.
    inline: Vec<Configuration>,
}

impl<'a> CommandLine<'a> {
    fn new(arguments: &'a Arguments, folder: &'a Path) -> Result<Self, String> {
        let mut file = None;
        let mut inline = Vec::new();
        for config in &arguments.sources.config {
            let path = absolute(folder, Path::new(config));
            if config.contains('=') && !path.exists() {
                let configuration = Configuration::inline(config, folder)?;
                check_patterns(&configuration, folder)
                    .map_err(|error| format!("`--config`: {error}"))?;
                inline.push(configuration);
            } else if file.is_some() {
                return Err("`--config` names two files".to_owned());
            } else {
                file = Some(Configuration::load(&path)?);
            }
        }
        Ok(Self {
            arguments,
            folder,
            file,
            inline,
        })
    }

    fn project(&self, group: Group, stdin: Option<&Path>) -> Result<Project, String> {
        let arguments = self.arguments;
        let file = group.file.unwrap_or_default();
        let in_file = |error: String| in_file(&file, error);
        check_patterns(&file.configuration, &group.root).map_err(in_file)?;
        let configurations = self.layered(&file.configuration);
        let mut settings = Settings::new(group.root.clone());
        settings.selection = self.selection(&file)?;
        settings.per_file_ignores = self.per_file_ignores(&configurations, &group.root)?;
        settings.excludes = self.excludes(&configurations, &group.root)?;
        settings.respect_gitignore = if arguments.files.respect_gitignore {
            true
        } else if arguments.files.no_respect_gitignore {
            false
        } else {
            first(&configurations, |configuration| {
                configuration.respect_gitignore
            })
            .unwrap_or(true)
        };
        settings.python_version = self
            .python_version(&configurations)
            .or(file.requires_python)
            .unwrap_or(DEFAULT_PYTHON_VERSION);
        settings.use_types = !arguments.code.no_types;
        for configuration in &configurations {
            settings
                .blocking
                .extend(configuration.blocking.iter().cloned());
            settings
                .not_blocking
                .extend(configuration.not_blocking.iter().cloned());
        }

        let (walked, given): (Vec<PathBuf>, Vec<PathBuf>) = group
            .paths
            .iter()
            .cloned()
            .partition(|path| stdin != Some(path));
        let (mut files, mut problems) = riata_check::files::find(&walked, &settings);
        let mut warnings = file.warnings.clone();
        let nested = self.nested(&group.root, &files)?;
        if !nested.is_empty() {
            for below in &nested {
                settings.scopes.push(self.scope(below, &settings)?);
                warnings.extend(below.warnings.iter().cloned());
                settings
                    .blocking
                    .extend(below.configuration.blocking.iter().cloned());
                settings
                    .not_blocking
                    .extend(below.configuration.not_blocking.iter().cloned());
            }
            // They may leave files out.
            (files, problems) = riata_check::files::find(&walked, &settings);
        }
        files.extend(given);
        settings.source_roots =
            match first(&configurations, |configuration| configuration.src.clone()) {
                Some(roots) => checked_roots(roots).map_err(in_file)?,
                None => source_roots(&group.root, &files),
            };
        for below in &nested {
            for root in below.configuration.src.iter().flatten() {
                if root.is_dir() && !settings.source_roots.contains(root) {
                    settings.source_roots.push(root.clone());
                }
            }
        }
        let mut notes = Vec::new();
        let environment = self.environment(&configurations, &group.root, &mut notes)?;
        if let Some(environment) = &environment {
            settings
                .site_packages
                .clone_from(&environment.site_packages);
        }
        let cache = self.cache(&configurations, &group.root);
        Ok(Project {
            paths: group.paths,
            files,
            problems,
            settings,
            configuration_file: Some(file.path).filter(|path| !path.as_os_str().is_empty()),
            environment,
            output_format: first(&configurations, |configuration| configuration.output_format),
            baseline: first(&configurations, |configuration| {
                configuration.baseline.clone()
            }),
            cache,
            notes,
            warnings,
        })
    }

    /// The configuration of a file and what is laid over it, the strongest first.
    fn layered<'c>(&'c self, configuration: &'c Configuration) -> Vec<&'c Configuration> {
        self.inline.iter().rev().chain([configuration]).collect()
    }

    fn selection(&self, file: &ConfigurationFile) -> Result<Selection, String> {
        let rules = &self.arguments.rules;
        let from_file = layer(&file.configuration);
        // What the file says is checked by itself, so that a mistake is told with the file's name.
        Selection::layered(&[from_file]).map_err(|error| in_file(file, error))?;
        let mut layers = vec![from_file];
        layers.extend(self.inline.iter().map(layer));
        layers.push(Selectors {
            select: rules.select.as_deref(),
            extend_select: &rules.extend_select,
            ignore: &rules.ignore,
        });
        Selection::layered(&layers)
    }

    fn python_version(&self, configurations: &[&Configuration]) -> Option<(u8, u8)> {
        let named = self.arguments.code.target_version;
        named.or_else(|| first(configurations, |configuration| configuration.target_version))
    }

    /// The configurations in folders below the root that have some of these files in them. Where settings are named, or
    /// none are wanted, none are looked for.
    fn nested(&self, root: &Path, files: &[PathBuf]) -> Result<Vec<ConfigurationFile>, String> {
        if self.file.is_some() || self.arguments.sources.isolated {
            return Ok(Vec::new());
        }
        let mut folders: BTreeSet<&Path> = BTreeSet::new();
        for file in files {
            let below = file.ancestors().skip(1);
            for folder in below.take_while(|folder| *folder != root && folder.starts_with(root)) {
                if !folders.insert(folder) {
                    break;
                }
            }
        }
        let found = folders.into_iter().map(Configuration::of_folder);
        found.filter_map(Result::transpose).collect()
    }

    /// What a configuration below the root says of its files.
    fn scope(&self, file: &ConfigurationFile, root: &Settings) -> Result<Scope, String> {
        let folder = file.path.parent().unwrap_or(&root.root);
        check_patterns(&file.configuration, folder).map_err(|error| in_file(file, error))?;
        let configurations = self.layered(&file.configuration);
        let own = &file.configuration;
        let mut excluded = match self.arguments.files.exclude {
            Some(_) => Vec::new(),
            None => own.exclude.clone().unwrap_or_default(),
        };
        excluded.extend(own.extend_exclude.iter().cloned());
        Ok(Scope {
            folder: folder.to_path_buf(),
            selection: self.selection(file)?,
            per_file_ignores: self.per_file_ignores(&configurations, folder)?,
            excludes: Excludes::new(&excluded, folder)?,
            python_version: self
                .python_version(&configurations)
                .or(file.requires_python)
                .unwrap_or(root.python_version),
        })
    }

    fn per_file_ignores(
        &self,
        configurations: &[&Configuration],
        root: &Path,
    ) -> Result<PerFileIgnores, String> {
        if let Some(pairs) = &self.arguments.rules.per_file_ignores {
            let pairs: Vec<(String, Vec<String>)> = pairs
                .iter()
                .map(|(pattern, rule)| (pattern.clone(), vec![rule.clone()]))
                .collect();
            return PerFileIgnores::new(&pairs, self.folder)
                .map_err(|error| format!("`--per-file-ignores`: {error}"));
        }
        let pairs = first(configurations, |configuration| {
            configuration.per_file_ignores.clone()
        });
        PerFileIgnores::new(&pairs.unwrap_or_default(), root)
            .map_err(|error| format!("`per-file-ignores`: {error}"))
    }

    fn excludes(&self, configurations: &[&Configuration], root: &Path) -> Result<Excludes, String> {
        let files = &self.arguments.files;
        let mut patterns = files
            .exclude
            .clone()
            .or_else(|| {
                first(configurations, |configuration| {
                    configuration.exclude.clone()
                })
            })
            .unwrap_or_else(|| DEFAULT_EXCLUDE.iter().map(ToString::to_string).collect());
        for configuration in configurations {
            patterns.extend(configuration.extend_exclude.iter().cloned());
        }
        patterns.extend(files.extend_exclude.iter().cloned());
        // Those of files have been looked at before.
        Excludes::new(&patterns, root).map_err(|error| format!("`--exclude`: {error}"))
    }

    fn cache(&self, configurations: &[&Configuration], root: &Path) -> Option<PathBuf> {
        let caching = &self.arguments.caching;
        let from_environment =
            || std::env::var_os("RIATA_CACHE_DIR").filter(|folder| !folder.is_empty());
        if caching.no_cache {
            return None;
        }
        let named = caching
            .cache_dir
            .clone()
            .or_else(|| from_environment().map(PathBuf::from));
        named
            .map(|named| absolute(self.folder, &named))
            .or_else(|| {
                first(configurations, |configuration| {
                    configuration.cache_dir.clone()
                })
            })
            .or_else(|| Some(root.join(riata_check::cache::FOLDER)))
    }

    /// An environment that was named has to be there; one that is looked for does not.
    fn environment(
        &self,
        configurations: &[&Configuration],
        root: &Path,
        notes: &mut Vec<String>,
    ) -> Result<Option<Environment>, String> {
        if self.arguments.code.no_types {
            return Ok(None);
        }
        let named = self
            .arguments
            .code
            .python
            .as_ref()
            .map(|path| absolute(self.folder, path));
        let python = named
            .clone()
            .or_else(|| first(configurations, |configuration| configuration.python.clone()));
        if let Some(python) = python {
            let mut found = riata_types::find_environment(root, Some(&python));
            // A script that starts an interpreter lies elsewhere than the environment. Only what the command line names
            // is run: a configuration may be a stranger's.
            if found.is_err()
                && named.is_some()
                && let Some(prefix) = ask_prefix(&python)
            {
                found = riata_types::find_environment(root, Some(&prefix));
            }
            return found.map_err(|error| {
                // It begins with the option, which may have been a key of a file.
                let reason = error
                    .split_once("`: ")
                    .map_or(&*error, |(_, reason)| reason);
                format!("no Python environment at {}: {reason}", python.display())
            });
        }
        if self.arguments.sources.isolated {
            return Ok(None);
        }
        match riata_types::find_environment(root, None) {
            Ok(found) => {
                if found.is_none() {
                    notes.push(
                        "no Python environment found; hint: name one with --python".to_owned(),
                    );
                }
                Ok(found)
            }
            Err(error) => {
                notes.push(format!("no Python environment is used: {error}"));
                Ok(None)
            }
        }
    }
}

/// What an interpreter says its environment is.
fn ask_prefix(python: &Path) -> Option<PathBuf> {
    if !python.is_file() {
        return None;
    }
    let output = std::process::Command::new(python)
        .args(["-I", "-c", "import sys; sys.stdout.write(sys.prefix)"])
        .stdin(std::process::Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?))
}

fn in_file(file: &ConfigurationFile, error: String) -> String {
    match file.path.as_os_str().is_empty() {
        true => error,
        false => format!("{}: {error}", file.path.display()),
    }
}

/// What the patterns of one configuration do wrong, by themselves: merged with others nobody knows whose they are.
fn check_patterns(configuration: &Configuration, root: &Path) -> Result<(), String> {
    for (key, patterns) in [
        ("exclude", configuration.exclude.as_deref()),
        (
            "extend-exclude",
            Some(configuration.extend_exclude.as_slice()),
        ),
    ] {
        Excludes::new(patterns.unwrap_or_default(), root)
            .map_err(|error| format!("`{key}`: {error}"))?;
    }
    let pairs = configuration.per_file_ignores.as_deref();
    PerFileIgnores::new(pairs.unwrap_or_default(), root)
        .map_err(|error| format!("`per-file-ignores`: {error}"))?;
    Ok(())
}

fn layer(configuration: &Configuration) -> Selectors<'_> {
    Selectors {
        select: configuration.select.as_deref(),
        extend_select: &configuration.extend_select,
        ignore: &configuration.ignore,
    }
}

/// The value of the first configuration that has one.
fn first<T>(
    configurations: &[&Configuration],
    value: impl Fn(&Configuration) -> Option<T>,
) -> Option<T> {
    configurations
        .iter()
        .find_map(|configuration| value(configuration))
}

fn checked_roots(roots: Vec<PathBuf>) -> Result<Vec<PathBuf>, String> {
    match roots.iter().find(|root| !root.is_dir()) {
        Some(missing) => Err(format!("`src`: no folder {}", missing.display())),
        None => Ok(roots),
    }
}

/// The project's `src` folder, its root, and the folders that hold packages.
fn source_roots(root: &Path, files: &[PathBuf]) -> Vec<PathBuf> {
    let mut roots = vec![root.to_path_buf()];
    let src = root.join("src");
    if src.is_dir() {
        roots.insert(0, src);
    }
    let mut seen: BTreeSet<&Path> = BTreeSet::new();
    let mut package_roots: BTreeSet<(usize, &Path)> = BTreeSet::new();
    for folder in files.iter().filter_map(|file| file.parent()) {
        if !seen.insert(folder) || !is_package(folder) {
            continue;
        }
        // A folder without `__init__.py` inside of a package is a part of it.
        let outermost = folder
            .ancestors()
            .take_while(|above| above.starts_with(root))
            .filter(|above| is_package(above))
            .last()
            .unwrap_or(folder);
        if let Some(parent) = outermost.ancestors().find(|above| !is_package(above)) {
            package_roots.insert((parent.components().count(), parent));
        }
    }
    // Nearest to the root first: fixtures of tests lie deep.
    for (_, package_root) in package_roots.into_iter().take(MAX_PACKAGE_ROOTS) {
        if !roots.iter().any(|root| root == package_root) {
            roots.push(package_root.to_path_buf());
        }
    }
    roots
}

fn is_package(folder: &Path) -> bool {
    folder.join("__init__.py").is_file()
}
