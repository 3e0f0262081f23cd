//! Findings that are known and accepted for now.

use std::path::{Path, PathBuf};

use riata_check::baseline::Baseline;
use riata_check::configuration::absolute;
use riata_check::diagnostic::Diagnostic;
use riata_check::report::relative;
use riata_check::{Outcome, Session};

use crate::arguments::Arguments;
use crate::projects::Project;
use crate::terminal::Terminal;

/// A baseline with its name.
pub(crate) struct Known {
    pub(crate) path: PathBuf,
    baseline: Baseline,
}

impl Known {
    /// The baseline that a project's findings are held against.
    pub(crate) fn find(
        arguments: &Arguments,
        project: &Project,
        folder: &Path,
    ) -> Result<Option<Self>, String> {
        // All that is found is to be written, the known ones too.
        if arguments.fixes.write_baseline.is_some() {
            return Ok(None);
        }
        let named = arguments
            .fixes
            .baseline
            .as_ref()
            .map(|path| absolute(folder, path));
        let Some(path) = named.or_else(|| project.baseline.clone()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            baseline: Baseline::read(&path)?,
            path,
        }))
    }

    /// Leave out what is known. Gives how much of the baseline was not found.
    pub(crate) fn hide(&self, session: &Session, found: &mut Vec<Diagnostic>) -> usize {
        let root = &session.settings().root;
        self.baseline
            .hide(found, root, session.files(), |path| session.text(path).ok())
    }

    /// Say what of it was not found.
    pub(crate) fn tell(&self, count: usize, folder: &Path, terminal: &Terminal) {
        let path = relative(&self.path, folder);
        match count {
            0 => {}
            1 => terminal.note(&format!(
                "1 entry of the baseline `{}` is no longer found",
                path.display()
            )),
            count => {
                let path = path.display();
                terminal.note(&format!(
                    "{count} entries of the baseline `{path}` are no longer found"
                ));
            }
        }
    }
}

/// Write all that was found to a file.
pub(crate) fn write(
    path: &Path,
    outcome: &Outcome,
    session: &Session,
    terminal: &Terminal,
) -> Result<(), String> {
    let root = &session.settings().root;
    let baseline = Baseline::new(&outcome.diagnostics, root, |path| session.text(path).ok());
    baseline.write(path)?;
    if !terminal.quiet {
        let findings = if baseline.len() == 1 {
            "finding"
        } else {
            "findings"
        };
        terminal.note(&format!(
            "wrote {} {findings} to {}",
            baseline.len(),
            path.display()
        ));
    }
    Ok(())
}
