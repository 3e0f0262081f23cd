//! Check a set of files: read, parse, infer, apply the rules; in parallel.

use std::any::Any;
use std::cell::RefCell;
use std::path::PathBuf;

use crate::causes;
use crate::diagnostic::Diagnostic;
use crate::one_file::FileOutcome;
use crate::session::Session;
use crate::settings::Settings;

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub diagnostics: Vec<Diagnostic>,
    /// What could not be checked, and why.
    pub problems: Vec<Problem>,
    /// What went another way than usual, for those who want to know.
    pub notices: Vec<Problem>,
    pub files: usize,
}

/// Something that went wrong with a file, not with its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub path: PathBuf,
    pub message: String,
}

impl Outcome {
    /// Add what another run found.
    pub fn merge(&mut self, other: Self) {
        self.diagnostics.extend(other.diagnostics);
        self.problems.extend(other.problems);
        self.notices.extend(other.notices);
        self.files += other.files;
    }

    /// Make one finding of those with the same cause, and bring all into the order of a report.
    pub fn finish(&mut self) {
        self.diagnostics = causes::merge(std::mem::take(&mut self.diagnostics));
        causes::sort(&mut self.diagnostics);
    }

    pub(crate) fn add(&mut self, found: &FileOutcome) {
        self.diagnostics.extend(found.diagnostics.iter().cloned());
        self.problems.extend(found.problems.iter().cloned());
        self.notices.extend(found.notices.iter().cloned());
    }
}

/// Check the files below `paths`.
///
/// # Errors
/// Says what is wrong with the settings; a file that cannot be checked is a problem of the outcome.
pub fn check(paths: &[PathBuf], settings: Settings) -> Result<Outcome, String> {
    let (files, problems) = crate::files::find(paths, &settings);
    let mut outcome = Session::new(files, settings)?.check();
    outcome.problems.splice(0..0, problems);
    outcome.finish();
    Ok(outcome)
}

thread_local! {
    static PANIC_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keep panics from writing to the terminal: each is caught, and told as a problem of the file that it came up with.
pub fn silence_panics() {
    std::panic::set_hook(Box::new(|info| {
        PANIC_AT.set(info.location().map(ToString::to_string));
    }));
}

/// What a panic says, and where it was when that is known.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    match PANIC_AT.take() {
        Some(place) => format!("{message} (at {place})"),
        None => message.to_owned(),
    }
}
