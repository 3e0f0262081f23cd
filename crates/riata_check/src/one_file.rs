//! One file: read, parsed, looked at by every rule, and what its comments say of that.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use riata_types::Origin;
use rustc_hash::FxHashSet;

use crate::cache::interface::Facts;
use crate::checker::{Checker, Hooks};
use crate::context::Context;
use crate::dependencies;
use crate::depth;
use crate::diagnostic::Diagnostic;
use crate::program::Worker;
use crate::run::Problem;
use crate::source::{Module, Text};
use crate::suppression::Suppressions;
use crate::syntax;
use crate::trace::Node;

/// What is said about one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileOutcome {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notices: Vec<Problem>,
    /// The first-party files that what is said may depend on.
    pub(crate) imports: Vec<PathBuf>,
    /// What is known of the very text that was checked, where a cache keeps it.
    pub(crate) facts: Option<Facts>,
}

/// What rules came to.
#[derive(Default)]
struct Found {
    diagnostics: Vec<Diagnostic>,
    /// Rules that panicked: (rule, message).
    panics: Vec<(&'static str, String)>,
    /// Whether the rules had all that there is to know of the file.
    is_complete: bool,
}

/// Check a file with the rules in `hooks`, of which there are some for each scope. What is wrong with the file itself is among what is said.
pub(crate) fn check(worker: &Worker<'_>, hooks: &[Hooks], path: &Path) -> FileOutcome {
    let file = worker.program.file(&Origin::Path(path.to_path_buf()));
    let _inside = worker.works_out(|| Node::File(file));
    let problem = |message| Problem {
        path: path.to_path_buf(),
        message,
    };
    let failed = |message| FileOutcome {
        problems: vec![problem(message)],
        ..FileOutcome::default()
    };
    let settings = &worker.program.settings;
    let hooks = &hooks[settings.scope_number(path)];
    let text = match worker.program.read(path) {
        Ok(text) => text,
        Err(message) => return failed(message),
    };
    if let Some(message) = depth::too_deep(&text) {
        return failed(message);
    }
    let is_of_interest = is_about_coroutines(&text);
    let is_enormous = text.len() > riata_types::LARGEST_FILE;
    let own = || {
        let name = settings.module_name(path);
        Text::own(path, name, text, settings.python_version_of(path))
    };
    if worker.types.is_none() && !is_of_interest {
        return conclude(worker, path, &own(), Found::default());
    }
    // Such a file may still lose what functions of other modules give: names know that.
    let typed = worker
        .types
        .as_ref()
        .filter(|_| is_of_interest && !is_enormous)
        .and_then(|types| Module::typed(&types.open(path)?));
    let is_typed = typed.is_some();
    let module = Arc::new(typed.unwrap_or_else(|| Module::of(own())));
    let found = worker.with_current(file, &module, || {
        let mut checker = Checker::new(Context::new(worker, &module), hooks);
        checker.run();
        Found {
            panics: checker.panics.take(),
            diagnostics: checker.into_found(),
            is_complete: is_typed || !is_of_interest,
        }
    });
    let mut outcome = conclude(worker, path, module.text(), found);
    if worker.types.is_some() && is_of_interest && !is_typed {
        let reason = if is_enormous {
            "it is too large for types"
        } else {
            "types cannot open it"
        };
        outcome
            .notices
            .push(problem(format!("{reason}; checked without them")));
    }
    outcome
}

/// A file without these words has no coroutines of its own.
fn is_about_coroutines(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "async",
        "await",
        "Async",
        "coroutine",
        "task",
        "trio",
        "anyio",
    ];
    WORDS
        .iter()
        .any(|word| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some())
}

/// What is said of a file in which this was found: with its syntax errors, without what its comments take back.
fn conclude(worker: &Worker<'_>, path: &Path, text: &Text, found: Found) -> FileOutcome {
    let Found {
        mut diagnostics,
        panics,
        is_complete,
    } = found;
    let settings = &worker.program.settings;
    let failed_rules: FxHashSet<&str> = panics.iter().map(|(rule, _)| *rule).collect();
    syntax::apply(text, &mut diagnostics);
    let suppressions = Suppressions::new(text);
    suppressions.apply(&mut diagnostics);
    let all_is_known = is_complete && worker.types.is_some() && text.errors().is_empty();
    let selection = settings.selection_of(path);
    diagnostics.extend(suppressions.findings(text, selection, |rule| {
        all_is_known && selection.is_on(rule.code) && !failed_rules.contains(rule.name)
    }));
    diagnostics.sort_by(|left, right| {
        (left.range, &left.code, &left.message).cmp(&(right.range, &right.code, &right.message))
    });
    diagnostics.retain(|found| !settings.ignores(path, &found.code));
    let problems = panics.iter().map(|(rule, message)| Problem {
        path: path.to_path_buf(),
        message: format!("rule `{rule}` failed: {message}"),
    });
    // A file that is a program of its own depends on no other.
    let imports = if settings.use_types {
        dependencies::imported(text, worker.program)
    } else {
        Vec::new()
    };
    let facts = worker
        .program
        .trace
        .as_ref()
        .map(|_| Facts::new(&text.text, text.parsed()));
    FileOutcome {
        diagnostics,
        problems: problems.collect(),
        notices: Vec::new(),
        imports,
        facts,
    }
}
