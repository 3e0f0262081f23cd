//! Patterns of paths: what is left out of a run, and which rules are off in which files.
//!
//! A pattern is matched against the name of a file or folder and against its whole path; a relative one is below the
//! folder of the configuration.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::rules::{self, Rule};

/// Folders that hold no code of the project.
pub const DEFAULT_EXCLUDE: &[&str] = &[
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".git-rewrite",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pants.d",
    ".pyenv",
    ".pytest_cache",
    ".pytype",
    ".riata_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pycache__",
    "__pypackages__",
    "_build",
    "buck-out",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
];

/// Patterns of which one matches a path or none does.
#[derive(Clone, Debug)]
pub struct Excludes {
    patterns: Vec<String>,
    set: GlobSet,
}

impl Default for Excludes {
    fn default() -> Self {
        let patterns: Vec<String> = DEFAULT_EXCLUDE.iter().map(ToString::to_string).collect();
        Self::new(&patterns, Path::new("/")).unwrap_or_else(|_| Self { patterns, set: GlobSet::empty() })
    }
}

impl Excludes {
    /// # Errors
    /// Names the pattern that is none.
    pub fn new(patterns: &[String], root: &Path) -> Result<Self, String> {
        let mut builder = GlobSetBuilder::new();
        for pattern in patterns {
            add(&mut builder, pattern, root)?;
        }
        let set = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { patterns: patterns.to_vec(), set })
    }

    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Whether a pattern matches a file or folder itself; the folders above it are for the walk to ask about.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        matches(&self.set, path)
    }
}

/// Rules that are off in the files that a pattern matches, or, with a `!` before it, in the ones that it does not match.
#[derive(Clone, Debug, Default)]
pub struct PerFileIgnores {
    entries: Vec<PerFileIgnore>,
}

#[derive(Clone, Debug)]
struct PerFileIgnore {
    pattern: String,
    set: GlobSet,
    negated: bool,
    rules: Vec<&'static Rule>,
}

impl PerFileIgnores {
    /// Pairs of a pattern and what selects the rules.
    ///
    /// # Errors
    /// Names the pattern or the rule that is none.
    pub fn new(pairs: &[(String, Vec<String>)], root: &Path) -> Result<Self, String> {
        let mut entries = Vec::with_capacity(pairs.len());
        for (pattern, selectors) in pairs {
            let (negated, glob) = match pattern.strip_prefix('!') {
                Some(glob) => (true, glob),
                None => (false, pattern.as_str()),
            };
            let mut builder = GlobSetBuilder::new();
            add(&mut builder, glob, root)?;
            let set = builder.build().map_err(|error| error.to_string())?;
            let rules = rules::select(selectors)?;
            entries.push(PerFileIgnore { pattern: pattern.clone(), set, negated, rules });
        }
        Ok(Self { entries })
    }

    /// Whether a rule is off in a file.
    pub fn ignores(&self, path: &Path, code: &str) -> bool {
        self.entries.iter().any(|entry| {
            entry.rules.iter().any(|rule| rule.code == code)
                && matches(&entry.set, path) != entry.negated
        })
    }

    /// Each pattern with the codes of the rules that are off.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Vec<&'static str>)> + '_ {
        self.entries
            .iter()
            .map(|entry| (&*entry.pattern, entry.rules.iter().map(|rule| rule.code).collect()))
    }
}

fn matches(set: &GlobSet, path: &Path) -> bool {
    path.file_name().is_some_and(|name| set.is_match(name)) || set.is_match(path)
}

/// A pattern for the name, and one for the path: below `root`, unless it is absolute.
fn add(builder: &mut GlobSetBuilder, pattern: &str, root: &Path) -> Result<(), String> {
    let glob = |pattern: &str| {
        Glob::new(pattern).map_err(|error| format!("`{pattern}` is no pattern: {}", error.kind()))
    };
    // A folder may be written as one.
    let trimmed = if pattern.len() > 1 { pattern.trim_end_matches('/') } else { pattern };
    builder.add(glob(trimmed)?);
    if !Path::new(trimmed).is_absolute() {
        let mut absolute = PathBuf::from(globset::escape(&root.to_string_lossy()));
        absolute.push(trimmed.trim_start_matches("./"));
        builder.add(glob(&absolute.to_string_lossy())?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excludes(pattern: &str, path: &str) -> bool {
        Excludes::new(&[pattern.to_owned()], Path::new("/pro[j]ect"))
            .expect("a pattern")
            .matches(Path::new(path))
    }

    #[test]
    fn a_pattern_matches_a_name_or_a_path_below_the_root() {
        assert!(excludes("build", "/pro[j]ect/a/build"));
        assert!(excludes("build/", "/pro[j]ect/a/build"));
        assert!(excludes("*_pb2.py", "/pro[j]ect/a/b_pb2.py"));
        assert!(excludes("a/b", "/pro[j]ect/a/b"));
        assert!(excludes("./a/*.py", "/pro[j]ect/a/b.py"));
        assert!(!excludes("a/b", "/pro[j]ect/c/a/b"));
        assert!(excludes("/elsewhere/a", "/elsewhere/a"));
        assert!(!excludes("build", "/pro[j]ect/builder"));
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let error = Excludes::new(&["a[".to_owned()], Path::new("/")).expect_err("no pattern");
        assert!(error.starts_with("`a[` is no pattern: "), "{error}");
    }

    #[test]
    fn rules_are_off_where_a_pattern_matches() {
        let pairs = [
            ("tests/*".to_owned(), vec!["RIA1".to_owned()]),
            ("!src/**".to_owned(), vec!["blocking-call-through-helper".to_owned()]),
        ];
        let ignores = PerFileIgnores::new(&pairs, Path::new("/project")).expect("right");
        assert!(ignores.ignores(Path::new("/project/tests/a.py"), "RIA101"));
        assert!(!ignores.ignores(Path::new("/project/src/a.py"), "RIA101"));
        assert!(!ignores.ignores(Path::new("/project/src/a.py"), "RIA102"));
        assert!(ignores.ignores(Path::new("/project/other/a.py"), "RIA102"));
    }
}
