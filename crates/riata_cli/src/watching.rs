//! Checking again whenever a file changes, until somebody ends it.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use riata_check::report::OutputFormat;
use riata_check::watch::{Incremental, Watcher, folders};
use riata_check::{Outcome, Session};

use crate::arguments::Arguments;
use crate::baselines::Known;
use crate::check;
use crate::projects::{self, Project};
use crate::terminal::Terminal;

/// Clears the terminal, what was scrolled out of it too.
const CLEAR: &str = "\x1b[2J\x1b[3J\x1b[H";

/// How long what went wrong is left alone.
const RETRY: Duration = Duration::from_millis(500);

struct Watched {
    paths: Vec<PathBuf>,
    known: Option<Known>,
    format: Option<OutputFormat>,
    problems: Vec<riata_check::Problem>,
    /// Files whose changes change everything.
    settings: Vec<PathBuf>,
    incremental: Incremental,
}

pub(crate) fn run(
    arguments: &Arguments,
    terminal: &Terminal,
    folder: &Path,
) -> Result<ExitCode, String> {
    let mut watcher = Watcher::new()?;
    let mut is_first = true;
    let mut told = None;
    loop {
        match start(arguments, folder, &mut watcher) {
            Ok(watched) => {
                is_first = false;
                told = None;
                until_all_changes(watched, &watcher, arguments, terminal, folder)?;
            }
            // What is wrong from the beginning, nobody waits for.
            Err(error) if is_first => return Err(error),
            Err(error) => {
                if told.as_ref() != Some(&error) {
                    clear();
                    terminal.error(&error);
                    told = Some(error);
                }
                // A folder that is gone tells nobody when it is back.
                watcher.set_folders(BTreeSet::new())?;
                std::thread::sleep(RETRY);
            }
        }
    }
}

/// Find out what there is to check, and watch it from then on.
fn start(
    arguments: &Arguments,
    folder: &Path,
    watcher: &mut Watcher,
) -> Result<Vec<Watched>, String> {
    loop {
        let projects = projects::find(arguments, folder, None)?;
        let mut watch: BTreeSet<PathBuf> = BTreeSet::new();
        for project in &projects {
            watch.extend(folders(&project.paths, &project.files));
            let settings = project.configuration_file.iter().chain(&project.baseline);
            watch.extend(
                settings
                    .filter_map(|file| file.parent())
                    .map(Path::to_path_buf),
            );
        }
        // What came into a folder before it was watched is only found by looking again.
        if !watcher.set_folders(watch)? {
            return projects
                .into_iter()
                .map(|project| watched(project, arguments, folder))
                .collect();
        }
    }
}

fn watched(project: Project, arguments: &Arguments, folder: &Path) -> Result<Watched, String> {
    let known = Known::find(arguments, &project, folder)?;
    let settings = project
        .configuration_file
        .iter()
        .chain(known.as_ref().map(|known| &known.path))
        .cloned()
        .collect();
    let session = Session::new(project.files, project.settings)?;
    Ok(Watched {
        paths: project.paths,
        known,
        format: project.output_format,
        problems: project.problems,
        settings,
        incremental: Incremental::new(session),
    })
}

/// Check again and again, until settings or folders change.
fn until_all_changes(
    mut all: Vec<Watched>,
    watcher: &Watcher,
    arguments: &Arguments,
    terminal: &Terminal,
    folder: &Path,
) -> Result<(), String> {
    let mut begin = Instant::now();
    let outcomes = all
        .iter_mut()
        .map(|watched| watched.incremental.check())
        .collect();
    show(&all, outcomes, begin, arguments, terminal, folder)?;
    loop {
        let changed = watcher.wait()?;
        begin = Instant::now();
        let is_gone = all
            .iter()
            .flat_map(|watched| &watched.paths)
            .any(|path| path.symlink_metadata().is_err());
        if changed.is_empty() || is_gone || changed.iter().any(|path| changes_all(path, &all)) {
            return Ok(());
        }
        let changed: Vec<PathBuf> = changed.into_iter().filter(|path| is_python(path)).collect();
        if changed.is_empty() {
            continue;
        }
        let mut outcomes = Vec::new();
        for watched in &mut all {
            let session = watched.incremental.session();
            let (files, problems) = riata_check::files::find(&watched.paths, session.settings());
            watched.problems = problems;
            outcomes.push(watched.incremental.recheck(files, &changed));
        }
        show(&all, outcomes, begin, arguments, terminal, folder)?;
    }
}

/// Whether everything has to be read anew: for other settings, and for folders that come and go.
fn changes_all(path: &Path, all: &[Watched]) -> bool {
    let is_settings = path
        .file_name()
        .is_some_and(|name| name == "pyproject.toml" || name == ".gitignore" || name == ".ignore")
        || all
            .iter()
            .any(|watched| watched.settings.iter().any(|file| file == path));
    // The folder of byte code comes with every run of Python. A folder that is gone looks like a file without an ending.
    let is_folder =
        path.extension().is_none() && path.file_name().is_some_and(|name| name != "__pycache__");
    is_settings
        || (is_folder && !path.is_file())
        || (!is_python(path) && path.is_dir() && is_folder)
}

fn is_python(path: &Path) -> bool {
    path.extension()
        .is_some_and(|found| found == "py" || found == "pyi" || found == "pyw")
}

fn show(
    all: &[Watched],
    outcomes: Vec<Outcome>,
    begin: Instant,
    arguments: &Arguments,
    terminal: &Terminal,
    folder: &Path,
) -> Result<(), String> {
    let mut outcome = Outcome::default();
    for (watched, mut found) in all.iter().zip(outcomes) {
        if let Some(known) = &watched.known {
            known.hide(watched.incremental.session(), &mut found.diagnostics);
        }
        found
            .problems
            .splice(0..0, watched.problems.iter().cloned());
        outcome.merge(found);
    }
    outcome.finish();
    let format = arguments.output.output_format;
    let format = format
        .or_else(|| all.iter().find_map(|watched| watched.format))
        .unwrap_or_default();
    clear();
    check::report(&outcome, format, arguments, terminal, folder, None)?;
    if !terminal.quiet {
        let (files, seconds) = (outcome.files, begin.elapsed().as_secs_f64());
        let files = if files == 1 {
            String::from("1 file")
        } else {
            format!("{files} files")
        };
        terminal.note(&format!(
            "checked in {seconds:.2} s, watching {files}; Ctrl-C ends it"
        ));
    }
    Ok(())
}

fn clear() {
    let mut out = io::stdout();
    if out.is_terminal() {
        // Without it the report comes below the last one.
        let _ = out.write_all(CLEAR.as_bytes()).and_then(|()| out.flush());
    }
}
