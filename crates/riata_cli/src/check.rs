//! Check paths and report what was found.

use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use riata_check::configuration::absolute;
use riata_check::report::{Reporter, relative};
use riata_check::{Outcome, Session};

use crate::arguments::{Arguments, Fixes};
use crate::progress::Progress;
use crate::projects::{self, Project};
use crate::terminal::Terminal;
use crate::EXIT_FAILED;

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode, String> {
    let begin = Instant::now();
    not_yet(&arguments.fixes)?;
    let folder = std::env::current_dir()
        .map_err(|error| format!("cannot tell the working directory: {error}"))?;
    let stdin = read_stdin(arguments, &folder)?;
    let projects = projects::find(arguments, &folder, stdin.as_ref().map(|(path, _)| &**path))?;
    if arguments.output.show_files {
        return show(|out| {
            let files = projects.iter().flat_map(|project| &project.files);
            files.into_iter().try_for_each(|file| writeln!(out, "{}", file.display()))
        });
    }
    if arguments.output.show_settings {
        return show(|out| {
            projects.iter().try_for_each(|project| show_settings(out, project, &folder))
        });
    }
    if arguments.verbose {
        projects.iter().for_each(|project| say_more(terminal, project));
    }
    if projects.iter().all(|project| project.files.is_empty() && project.problems.is_empty()) {
        terminal.warning("no Python files found under the given paths");
    }
    let format = arguments
        .output
        .output_format
        .or_else(|| projects.iter().find_map(|project| project.output_format))
        .unwrap_or_default();

    let outcome = check(projects, stdin.as_ref(), terminal)?;

    for problem in &outcome.problems {
        let path = relative(&problem.path, &folder);
        terminal.warning(&format!("{}: {}", path.display(), problem.message));
    }
    if arguments.verbose {
        for notice in &outcome.notices {
            let path = relative(&notice.path, &folder);
            terminal.note(&format!("{}: {}", path.display(), notice.message));
        }
        let (files, seconds) = (outcome.files, begin.elapsed().as_secs_f64());
        terminal.note(&format!("checked {files} files in {seconds:.2} s"));
    }
    let mut reporter = Reporter::new(&folder, format, terminal.style)
        .unsafe_fixes(arguments.fixes.unsafe_fixes);
    if let Some((path, text)) = stdin {
        reporter = reporter.text(&path, text);
    }
    show(|out| {
        if arguments.output.statistics {
            return reporter.write_statistics(out, &outcome);
        }
        reporter.write(out, &outcome)?;
        if format.is_for_people() && !terminal.quiet {
            reporter.write_summary(out, &outcome)?;
        }
        Ok(())
    })?;
    Ok(exit_code(&outcome, arguments))
}

/// Better no answer than one that leaves out what was asked for.
fn not_yet(fixes: &Fixes) -> Result<(), String> {
    let asked = [
        ("--fix", fixes.fix),
        ("--diff", fixes.diff),
        ("--watch", fixes.watch),
        ("--baseline", fixes.baseline.is_some()),
        ("--write-baseline", fixes.write_baseline.is_some()),
    ];
    match asked.iter().find(|(_, asked)| *asked) {
        Some((flag, _)) => Err(format!("`{flag}` does not work yet")),
        None => Ok(()),
    }
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

fn check(
    projects: Vec<Project>,
    stdin: Option<&(PathBuf, String)>,
    terminal: &Terminal,
) -> Result<Outcome, String> {
    let progress = Progress::new(projects.iter().map(|project| project.files.len()).sum());
    let mut all = Outcome::default();
    for project in projects {
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
        let mut outcome = session.check();
        outcome.problems.splice(0..0, project.problems);
        all.merge(outcome);
    }
    progress.finish();
    all.finish();
    Ok(all)
}

/// The text on standard input and the path that it is taken to be at, when the command line asks for it.
fn read_stdin(arguments: &Arguments, folder: &Path) -> Result<Option<(PathBuf, String)>, String> {
    if !arguments.paths.iter().any(|path| path.as_os_str() == "-") {
        return Ok(None);
    }
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| format!("cannot read standard input: {error}"))?;
    let name = arguments.files.stdin_filename.as_deref().unwrap_or(Path::new("-"));
    Ok(Some((absolute(folder, name), text)))
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
    if let Some(environment) = &project.environment {
        let version = environment
            .python_version
            .map_or_else(String::new, |(major, minor)| format!(" (Python {major}.{minor})"));
        terminal.note(&format!("environment {}{version}", environment.prefix.display()));
    }
    project.notes.iter().for_each(|note| terminal.note(note));
}

fn show_settings(out: &mut dyn Write, project: &Project, folder: &Path) -> io::Result<()> {
    let settings = &project.settings;
    let path = |path: &Path| format!("\"{}\"", path.display());
    let optional = |found: Option<&Path>| found.map_or_else(|| "none".to_owned(), path);
    let paths = |paths: &[PathBuf]| list(paths.iter().map(|found| path(found)));
    let texts = |texts: &[String]| list(texts.iter().map(|text| format!("\"{text}\"")));
    let shown: Vec<String> =
        project.paths.iter().map(|path| relative(path, folder).display().to_string()).collect();
    writeln!(out, "# {}", shown.join(" "))?;
    writeln!(out, "configuration = {}", optional(project.configuration_file.as_deref()))?;
    writeln!(out, "root = {}", path(&settings.root))?;
    let (major, minor) = settings.python_version;
    writeln!(out, "target-version = \"py{major}{minor}\"")?;
    let environment = project.environment.as_ref();
    writeln!(out, "python = {}", optional(environment.map(|found| found.prefix.as_path())))?;
    writeln!(out, "types = {}", settings.use_types)?;
    writeln!(out, "src = {}", paths(&settings.source_roots))?;
    writeln!(out, "site-packages = {}", paths(&settings.site_packages))?;
    let rules = settings.selection.rules();
    writeln!(out, "rules = {}", list(rules.map(|rule| format!("{} ({})", rule.code, rule.name))))?;
    let ignores = settings.per_file_ignores.entries();
    let ignores = ignores.map(|(pattern, codes)| format!("\"{pattern}\": {}", codes.join(", ")));
    writeln!(out, "per-file-ignores = {}", list(ignores))?;
    writeln!(out, "exclude = {}", texts(settings.excludes.patterns()))?;
    writeln!(out, "respect-gitignore = {}", settings.respect_gitignore)?;
    writeln!(out, "blocking = {}", texts(&settings.blocking))?;
    writeln!(out, "not-blocking = {}", texts(&settings.not_blocking))?;
    writeln!(out, "baseline = {}", optional(project.baseline.as_deref()))
}

/// One entry a line.
fn list(entries: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = entries.map(|entry| format!("    {entry},\n")).collect();
    if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}]", lines.concat()) }
}
