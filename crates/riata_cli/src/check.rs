//! Check paths and report what was found.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use riata_check::cache::Cache;
use riata_check::configuration::absolute;
use riata_check::diagnostic::{Applicability, Diagnostic};
use riata_check::fix::{self, Change};
use riata_check::report::{OutputFormat, Reporter, relative};
use riata_check::{Outcome, Problem, Session};
use riata_types::Encoding;

use crate::EXIT_FAILED;
use crate::arguments::Arguments;
use crate::baselines::{self, Known};
use crate::progress::Progress;
use crate::projects::{self, Project};
use crate::terminal::Terminal;

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode, String> {
    let begin = Instant::now();
    let folder = std::env::current_dir()
        .map_err(|error| format!("cannot tell the working directory: {error}"))?;
    if arguments.fixes.watch {
        return crate::watching::run(arguments, terminal, &folder);
    }
    let (stdin, encoding) = read_stdin(arguments, &folder)?.unzip();
    let projects = projects::find(arguments, &folder, stdin.as_ref().map(|(path, _)| &**path))?;
    for warning in projects.iter().flat_map(|project| &project.warnings) {
        terminal.warning(warning);
    }
    if arguments.output.show_files {
        return show(|out| {
            let files = projects.iter().flat_map(|project| &project.files);
            files
                .into_iter()
                .try_for_each(|file| writeln!(out, "{}", file.display()))
        });
    }
    if arguments.output.show_settings {
        return show(|out| {
            projects
                .iter()
                .try_for_each(|project| show_settings(out, project, &folder))
        });
    }
    if arguments.verbose {
        projects
            .iter()
            .for_each(|project| say_more(terminal, project));
    }
    if projects
        .iter()
        .all(|project| project.files.is_empty() && project.problems.is_empty())
    {
        terminal.warning("no Python files found under the given paths");
    }
    let format = arguments
        .output
        .output_format
        .or_else(|| projects.iter().find_map(|project| project.output_format))
        .unwrap_or_default();

    let Checked {
        mut outcome,
        mut changes,
    } = check(projects, stdin.as_ref(), arguments, terminal, &folder)?;
    let fixes = &arguments.fixes;
    if fixes.diff {
        return diff(&outcome, &changes, arguments, terminal, &folder);
    }
    if arguments.verbose {
        for notice in &outcome.notices {
            let path = relative(&notice.path, &folder);
            terminal.note(&format!("{}: {}", path.display(), notice.message));
        }
        let (files, seconds) = (outcome.files, begin.elapsed().as_secs_f64());
        terminal.note(&format!("checked {files} files in {seconds:.2} s"));
    }
    if fixes.fix
        && let Some((path, text)) = &stdin
    {
        // The text takes the place of what was read; what is left to say goes elsewhere.
        let text = changes
            .get(path)
            .map_or(text.as_str(), |change| &change.after);
        let bytes = fix::encoded(text, encoding.unwrap_or_default())
            .ok_or("standard input cannot be written in its own encoding, and is not fixed")?;
        show(|out| out.write_all(&bytes))?;
        for problem in &outcome.problems {
            terminal.warning(&format!("{}: {}", path.display(), problem.message));
        }
        return Ok(exit_code(&outcome, arguments));
    }
    changes.retain(|path, change| match change.write(path) {
        Ok(()) => true,
        Err(message) => {
            let left = match change.count() {
                1 => String::from("1 error is not fixed"),
                count => format!("{count} errors are not fixed"),
            };
            outcome.problems.push(Problem {
                path: path.clone(),
                message: format!("{message}; {left}"),
            });
            false
        }
    });
    if fixes.fix && !changes.is_empty() && !terminal.quiet {
        terminal.note(&format!("fixed {}", fixed(&changes)));
    }
    report(&outcome, format, arguments, terminal, &folder, stdin)?;
    if fixes.write_baseline.is_some() && outcome.problems.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(exit_code(&outcome, arguments))
}

/// Write what was found to standard output, and what could not be checked to standard error.
pub(crate) fn report(
    outcome: &Outcome,
    format: OutputFormat,
    arguments: &Arguments,
    terminal: &Terminal,
    folder: &Path,
    stdin: Option<(PathBuf, String)>,
) -> Result<ExitCode, String> {
    for problem in &outcome.problems {
        let path = relative(&problem.path, folder);
        terminal.warning(&format!("{}: {}", path.display(), problem.message));
    }
    if arguments.fixes.write_baseline.is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    let mut reporter =
        Reporter::new(folder, format, terminal.style).unsafe_fixes(arguments.fixes.unsafe_fixes);
    if let Some((path, text)) = stdin {
        reporter = reporter.text(&path, text);
    }
    show(|out| {
        if arguments.output.statistics {
            return reporter.write_statistics(out, outcome);
        }
        reporter.write(out, outcome)?;
        if format.is_for_people() && !terminal.quiet {
            reporter.write_summary(out, outcome)?;
        }
        Ok(())
    })
}

/// Show what fixes would change. Code that would change is code that does not pass, as in other tools.
fn diff(
    outcome: &Outcome,
    changes: &Changes,
    arguments: &Arguments,
    terminal: &Terminal,
    folder: &Path,
) -> Result<ExitCode, String> {
    for problem in &outcome.problems {
        let path = relative(&problem.path, folder);
        terminal.warning(&format!("{}: {}", path.display(), problem.message));
    }
    show(|out| {
        changes.iter().try_for_each(|(path, change)| {
            let name = relative(path, folder).display().to_string();
            out.write_all(change.diff(&name).as_bytes())
        })
    })?;
    if !terminal.quiet {
        match changes.is_empty() {
            true => terminal.note("there is nothing to fix"),
            false => terminal.note(&format!("--fix would fix {}", fixed(changes))),
        }
    }
    Ok(
        match (
            arguments.output.exit_zero,
            outcome.problems.is_empty(),
            changes.is_empty(),
        ) {
            (true, _, _) | (false, true, true) => ExitCode::SUCCESS,
            (false, false, _) => ExitCode::from(EXIT_FAILED),
            (false, true, false) => ExitCode::from(1),
        },
    )
}

/// `3 errors in 2 files`
fn fixed(changes: &Changes) -> String {
    let counted = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    let errors = changes.values().map(Change::count).sum();
    format!(
        "{} in {}",
        counted(errors, "error"),
        counted(changes.len(), "file")
    )
}

fn exit_code(outcome: &Outcome, arguments: &Arguments) -> ExitCode {
    if arguments.output.exit_zero {
        ExitCode::SUCCESS
    } else if !outcome.problems.is_empty() {
        ExitCode::from(EXIT_FAILED)
    } else {
        ExitCode::from(u8::from(!outcome.diagnostics.is_empty()))
    }
}

type Changes = BTreeMap<PathBuf, Change>;

/// What was found, and what fixes made of the files.
#[derive(Default)]
struct Checked {
    outcome: Outcome,
    changes: Changes,
}

fn check(
    projects: Vec<Project>,
    stdin: Option<&(PathBuf, String)>,
    arguments: &Arguments,
    terminal: &Terminal,
    folder: &Path,
) -> Result<Checked, String> {
    let fixes = &arguments.fixes;
    if projects.len() > 1 && (fixes.baseline.is_some() || fixes.write_baseline.is_some()) {
        let roots: Vec<String> = projects
            .iter()
            .map(|project| format!("`{}`", project.settings.root.display()))
            .collect();
        return Err(format!(
            "a baseline is for one project, and the paths belong to several: {}\n\
             hint: check one at a time, or name the baseline in its configuration",
            roots.join(", ")
        ));
    }
    let progress = Progress::new(projects.iter().map(|project| project.files.len()).sum());
    let mut all = Checked::default();
    for project in projects {
        let known = Known::find(arguments, &project, folder)?;
        let mut session = Session::new(project.files, project.settings)?;
        if let Some((path, text)) = stdin
            && session.files().contains(path)
        {
            session.set_text(path, text.clone());
        }
        if !terminal.quiet {
            let progress = progress.clone();
            session.on_checked = Some(std::sync::Arc::new(move || progress.step()));
        }
        let mut gone = 0;
        let mut hide = |session: &Session, found: &mut Vec<Diagnostic>| {
            gone = known.as_ref().map_or(0, |known| known.hide(session, found));
        };
        let mut outcome = if fixes.fix || fixes.diff {
            let applicability = if fixes.unsafe_fixes {
                Applicability::Unsafe
            } else {
                Applicability::Safe
            };
            let fixed = fix::fix(&mut session, applicability, hide);
            all.changes.extend(fixed.changes);
            fixed.outcome
        } else {
            let mut outcome = match &project.cache {
                // What is on standard input is not on disk.
                Some(folder) if stdin.is_none() => cached(
                    &session,
                    &Cache::new(folder, session.settings(), &project.paths),
                    arguments,
                    terminal,
                ),
                _ => session.check(),
            };
            hide(&session, &mut outcome.diagnostics);
            outcome
        };
        outcome.problems.splice(0..0, project.problems);
        if let Some(known) = &known
            && !terminal.quiet
        {
            known.tell(gone, folder, terminal);
        }
        if let Some(path) = &fixes.write_baseline {
            baselines::write(&absolute(folder, path), &outcome, &session, terminal)?;
        }
        all.outcome.merge(outcome);
        // What it knows is freed by the end of the process, at once.
        std::mem::forget(session);
    }
    progress.finish();
    all.outcome.finish();
    Ok(all)
}

/// Check what the cache has no results for.
fn cached(session: &Session, cache: &Cache, arguments: &Arguments, terminal: &Terminal) -> Outcome {
    let found = session.check_with(cache);
    if arguments.verbose {
        if found.unchanged > 0 {
            let files = session.files().len();
            terminal.note(&format!(
                "results of {} of {files} files come from the cache",
                found.unchanged
            ));
        }
        if let Some(failure) = &found.failure {
            terminal.note(failure);
        }
    }
    found.outcome
}

/// What is on standard input: the path that it is taken to be at, and its text; its encoding.
type Input = ((PathBuf, String), Encoding);

/// Read standard input, when the command line asks for it.
fn read_stdin(arguments: &Arguments, folder: &Path) -> Result<Option<Input>, String> {
    if !arguments.paths.iter().any(|path| path.as_os_str() == "-") {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot read standard input: {error}"))?;
    let (text, encoding) = riata_types::decode(bytes)
        .map_err(|message| format!("cannot read standard input: {message}"))?;
    let name = arguments
        .files
        .stdin_filename
        .as_deref()
        .unwrap_or(Path::new("-"));
    Ok(Some(((absolute(folder, name), text), encoding)))
}

/// Write to standard output. A reader that has seen enough is no failure.
fn show(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<ExitCode, String> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn say_more(terminal: &Terminal, project: &Project) {
    let root = project.settings.root.display();
    match &project.configuration_file {
        Some(file) => terminal.note(&format!("settings from {}", file.display())),
        None => terminal.note(&format!("default settings for {root}")),
    }
    for scope in &project.settings.scopes {
        let file = scope.folder.join("pyproject.toml");
        terminal.note(&format!("settings from {} below it", file.display()));
    }
    if let Some(environment) = &project.environment {
        let version = environment
            .python_version
            .map_or_else(String::new, |(major, minor)| {
                format!(" (Python {major}.{minor})")
            });
        terminal.note(&format!(
            "environment {}{version}",
            environment.prefix.display()
        ));
    }
    project.notes.iter().for_each(|note| terminal.note(note));
}

fn show_settings(out: &mut dyn Write, project: &Project, folder: &Path) -> io::Result<()> {
    let settings = &project.settings;
    let path = |path: &Path| format!("\"{}\"", path.display());
    let optional = |found: Option<&Path>| found.map_or_else(|| "none".to_owned(), path);
    let paths = |paths: &[PathBuf]| list(paths.iter().map(|found| path(found)));
    let texts = |texts: &[String]| list(texts.iter().map(|text| format!("\"{text}\"")));
    let shown: Vec<String> = project
        .paths
        .iter()
        .map(|path| relative(path, folder).display().to_string())
        .collect();
    writeln!(out, "# {}", shown.join(" "))?;
    writeln!(
        out,
        "configuration = {}",
        optional(project.configuration_file.as_deref())
    )?;
    let nested: Vec<PathBuf> = settings
        .scopes
        .iter()
        .map(|scope| scope.folder.join("pyproject.toml"))
        .collect();
    if !nested.is_empty() {
        writeln!(out, "nested-configurations = {}", paths(&nested))?;
    }
    writeln!(out, "root = {}", path(&settings.root))?;
    let (major, minor) = settings.python_version;
    writeln!(out, "target-version = \"py{major}{minor}\"")?;
    let environment = project.environment.as_ref();
    writeln!(
        out,
        "python = {}",
        optional(environment.map(|found| found.prefix.as_path()))
    )?;
    writeln!(out, "types = {}", settings.use_types)?;
    writeln!(out, "src = {}", paths(&settings.source_roots))?;
    writeln!(out, "site-packages = {}", paths(&settings.site_packages))?;
    let rules = settings.selection.rules();
    writeln!(
        out,
        "rules = {}",
        list(rules.map(|rule| format!("{} ({})", rule.code, rule.name)))
    )?;
    let ignores = settings.per_file_ignores.entries();
    let ignores = ignores.map(|(pattern, codes)| format!("\"{pattern}\": {}", codes.join(", ")));
    writeln!(out, "per-file-ignores = {}", list(ignores))?;
    writeln!(out, "exclude = {}", texts(settings.excludes.patterns()))?;
    writeln!(out, "respect-gitignore = {}", settings.respect_gitignore)?;
    writeln!(out, "blocking = {}", texts(&settings.blocking))?;
    writeln!(out, "not-blocking = {}", texts(&settings.not_blocking))?;
    writeln!(out, "baseline = {}", optional(project.baseline.as_deref()))?;
    writeln!(out, "cache-dir = {}", optional(project.cache.as_deref()))
}

/// One entry a line.
fn list(entries: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = entries.map(|entry| format!("    {entry},\n")).collect();
    if lines.is_empty() {
        "[]".to_owned()
    } else {
        format!("[\n{}]", lines.concat())
    }
}
