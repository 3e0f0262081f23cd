//! Findings as text, for people and for programs. A report is a function of the findings and of the files that they are in:
//! nothing here asks what a rule is about.

mod concise;
mod diff;
mod full;
mod github;
mod json;
mod sarif;
mod sources;
mod statistics;
mod style;

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::diagnostic::{Applicability, Diagnostic};
use crate::run::Outcome;

pub use style::Style;

use sources::Sources;

/// Where the pages of the rules are.
const DOCS: &str = "https://riata.readthedocs.io/en/latest/check/rules";

/// The page of a rule.
pub fn url(name: &str) -> String {
    format!("{DOCS}/{name}/")
}

/// What a report looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFormat {
    /// With the code, the call chain and the fix.
    #[default]
    Full,
    /// A line for each finding.
    Concise,
    Json,
    /// The format that code scanners exchange, version 2.1.0.
    Sarif,
    /// Annotations of GitHub's workflows.
    Github,
}

impl OutputFormat {
    pub const ALL: [(&'static str, Self); 5] = [
        ("full", Self::Full),
        ("concise", Self::Concise),
        ("json", Self::Json),
        ("sarif", Self::Sarif),
        ("github", Self::Github),
    ];

    /// Whether people read it, so that a summary belongs below it.
    pub fn is_for_people(self) -> bool {
        matches!(self, Self::Full | Self::Concise)
    }
}

impl FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, format)| *format)
            .ok_or_else(|| {
                let names: Vec<String> = Self::ALL
                    .iter()
                    .map(|(name, _)| format!("`{name}`"))
                    .collect();
                format!("`{text}` is no format; hint: one of {}", names.join(", "))
            })
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::ALL.iter().find(|(_, format)| format == self);
        f.write_str(found.map_or("full", |(name, _)| name))
    }
}

/// Writes reports.
pub struct Reporter<'a> {
    /// Paths below this folder are shown relative to it.
    root: &'a Path,
    format: OutputFormat,
    style: Style,
    unsafe_fixes: bool,
    sources: Sources,
}

impl<'a> Reporter<'a> {
    pub fn new(root: &'a Path, format: OutputFormat, style: Style) -> Self {
        Self {
            root,
            format,
            style,
            unsafe_fixes: false,
            sources: Sources::default(),
        }
    }

    /// Whether fixes that may change what a program does count as fixes.
    pub fn unsafe_fixes(mut self, yes: bool) -> Self {
        self.unsafe_fixes = yes;
        self
    }

    /// Take a text instead of the one on disk.
    pub fn text(self, path: &Path, text: String) -> Self {
        self.sources.insert(path, text);
        self
    }

    /// The findings, in the format asked for.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write(&self, out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
        match self.format {
            OutputFormat::Full => full::write(self, out, &outcome.diagnostics),
            OutputFormat::Concise => concise::write(self, out, &outcome.diagnostics),
            OutputFormat::Json => json::write(self, out, &outcome.diagnostics),
            OutputFormat::Sarif => sarif::write(self, out, outcome),
            OutputFormat::Github => github::write(self, out, &outcome.diagnostics),
        }
    }

    /// How often each rule found something.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write_statistics(&self, out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
        statistics::write(self, out, &outcome.diagnostics)
    }

    /// One line about all findings.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write_summary(&self, out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
        let count = outcome.diagnostics.len();
        if count == 0 {
            // What could not be checked has not passed.
            if outcome.problems.is_empty() {
                writeln!(out, "{}", self.style.good("All checks passed!"))?;
            }
            return Ok(());
        }
        let fixable = |wanted: Applicability| {
            let fixes = outcome
                .diagnostics
                .iter()
                .filter_map(|found| found.fix.as_ref());
            fixes.filter(|fix| fix.applicability == wanted).count()
        };
        let (safe, risky) = (fixable(Applicability::Safe), fixable(Applicability::Unsafe));
        let errors = if count == 1 { "error" } else { "errors" };
        write!(out, "Found {count} {errors}")?;
        match (safe, risky, self.unsafe_fixes) {
            (0, 0, _) => writeln!(out, "."),
            (safe, risky, true) => {
                writeln!(
                    out,
                    " ({} fixable with --fix --unsafe-fixes).",
                    safe + risky
                )
            }
            (safe, 0, false) => writeln!(out, " ({safe} fixable with --fix)."),
            (0, risky, false) => writeln!(out, " ({risky} fixable with --fix --unsafe-fixes)."),
            (safe, risky, false) => writeln!(
                out,
                " ({safe} fixable with --fix, {risky} more with --unsafe-fixes)."
            ),
        }
    }

    /// A path as it is shown.
    fn path(&self, path: &Path) -> String {
        relative(path, self.root).display().to_string()
    }

    /// Whether `--fix`, as it was asked for, would mend a finding.
    fn is_fixable(&self, found: &Diagnostic) -> bool {
        found
            .fix
            .as_ref()
            .is_some_and(|fix| self.unsafe_fixes || fix.applicability == Applicability::Safe)
    }
}

/// A path below a folder, or the whole one when it is elsewhere.
pub fn relative(path: &Path, root: &Path) -> PathBuf {
    match path.strip_prefix(root) {
        Ok(below) if !below.as_os_str().is_empty() => below.to_path_buf(),
        _ => path.to_path_buf(),
    }
}
