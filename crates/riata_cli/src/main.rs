//! The command `riata-check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use riata_check::Settings;
use riata_check::rules::Selection;

/// Find the mistakes of async Python.
#[derive(Parser)]
#[command(name = "riata-check", version)]
struct Arguments {
    /// Files and folders.
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    #[arg(long, value_delimiter = ',')]
    select: Option<Vec<String>>,
    #[arg(long, value_delimiter = ',')]
    ignore: Vec<String>,
    #[arg(long)]
    no_types: bool,
    #[arg(long)]
    python: Option<PathBuf>,
    #[arg(long)]
    isolated: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let root = std::env::current_dir().unwrap();
    let paths: Vec<PathBuf> = arguments.paths.iter().map(|path| root.join(path)).collect();
    let environment = if arguments.isolated { None } else { riata_types::find_environment(&root, arguments.python.as_deref()).ok().flatten() };
    let mut source_roots = vec![root.clone()];
    for path in &paths {
        let mut at = if path.is_dir() { path.clone() } else { path.parent().unwrap().to_path_buf() };
        while at.join("__init__.py").exists() {
            at = at.parent().unwrap().to_path_buf();
        }
        if !source_roots.contains(&at) {
            source_roots.insert(0, at);
        }
    }
    let settings = Settings {
        root: root.clone(),
        source_roots,
        site_packages: environment.map(|found| found.site_packages).unwrap_or_default(),
        python_version: (3, 10),
        use_types: !arguments.no_types,
        follow_properties: std::env::var("NOPROPS").is_err(),
        selection: Selection::new(arguments.select.as_deref(), &[], &arguments.ignore).unwrap(),
        blocking: Vec::new(),
        not_blocking: Vec::new(),
    };
    let outcome = riata_check::check(&paths, settings).unwrap();
    for found in &outcome.diagnostics {
        println!(
            "{}:{}:{}: {} {}",
            found.location.path.display(), found.location.start.line, found.location.start.column, found.code, found.message
        );
        for related in &found.related {
            println!("    {}:{}: {}", related.location.path.display(), related.location.start.line, related.message);
        }
    }
    for problem in &outcome.problems {
        println!("{}: {}", problem.path.display(), problem.message);
    }
    ExitCode::from(u8::from(!outcome.diagnostics.is_empty()))
}
