//! What can be said on the command line.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueEnum};
use riata_check::configuration::python_version;
use riata_check::report::OutputFormat;

/// Find the mistakes of async Python before they run
///
/// Exit code: 0 when nothing was found, 1 when something was, 2 when something could not be done.
#[derive(Debug, Parser)]
#[command(
    name = "riata-check",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Configuration: `[tool.riata.check]` in pyproject.toml. For the documentation of a rule: `riata-check rule NAME`."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Files and folders to check; `-` is standard input
    #[arg(value_name = "PATHS", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,

    /// Say nothing but what was found
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say which environment and settings are used, which files were checked without types, and how long it took
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) color: Color,

    #[command(flatten)]
    pub(crate) rules: Rules,

    #[command(flatten)]
    pub(crate) files: Files,

    #[command(flatten)]
    pub(crate) code: Code,

    #[command(flatten)]
    pub(crate) output: Output,

    #[command(flatten)]
    pub(crate) fixes: Fixes,

    #[command(flatten)]
    pub(crate) sources: Sources,

    #[command(flatten)]
    pub(crate) caching: Caching,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Rules")]
pub(crate) struct Rules {
    /// The rules to apply: codes, families (`RIA1`), names or ALL; instead of the default ones
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    pub(crate) select: Option<Vec<String>>,

    /// Rules to apply as well
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    pub(crate) extend_select: Vec<String>,

    /// Rules not to apply
    #[arg(long, visible_alias = "extend-ignore", value_name = "RULES", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,

    /// Rules not to apply in files that match a pattern: `tests/*:RIA9`
    #[arg(long, value_name = "PATTERN:RULE", value_delimiter = ',', value_parser = pattern_and_rule)]
    pub(crate) per_file_ignores: Option<Vec<(String, String)>>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Files")]
pub(crate) struct Files {
    /// What to leave out below folders, instead of the default
    #[arg(long, value_name = "PATTERNS", value_delimiter = ',')]
    pub(crate) exclude: Option<Vec<String>>,

    /// What to leave out as well
    #[arg(long, value_name = "PATTERNS", value_delimiter = ',')]
    pub(crate) extend_exclude: Vec<String>,

    /// Leave out what .gitignore names, the default
    #[arg(long, overrides_with = "no_respect_gitignore")]
    pub(crate) respect_gitignore: bool,

    /// Check what .gitignore names as well
    #[arg(long, overrides_with = "respect_gitignore")]
    pub(crate) no_respect_gitignore: bool,

    /// The path that standard input is taken to be at
    #[arg(long, value_name = "PATH")]
    pub(crate) stdin_filename: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Code")]
pub(crate) struct Code {
    /// The oldest Python that the code runs on; by default what `requires-python` says
    #[arg(long, value_name = "py3XX", value_parser = python_version)]
    pub(crate) target_version: Option<(u8, u8)>,

    /// The environment whose packages the code uses: a folder or an interpreter
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,

    /// Go by names alone: faster, and finds less
    #[arg(long)]
    pub(crate) no_types: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// What a report looks like
    #[arg(long, value_name = "FORMAT", value_parser = output_format())]
    pub(crate) output_format: Option<OutputFormat>,

    /// Count what each rule found instead
    #[arg(long)]
    pub(crate) statistics: bool,

    /// Exit with 0 whatever was found or failed
    #[arg(long)]
    pub(crate) exit_zero: bool,

    /// Show the settings that would be used
    #[arg(long, conflicts_with = "show_files")]
    pub(crate) show_settings: bool,

    /// Show the files that would be checked
    #[arg(long)]
    pub(crate) show_files: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Fixes")]
pub(crate) struct Fixes {
    /// Fix what can be fixed safely
    #[arg(long)]
    pub(crate) fix: bool,

    /// Count fixes that may change what the program does as well
    #[arg(long)]
    pub(crate) unsafe_fixes: bool,

    /// Show what --fix would change, and change nothing
    #[arg(long)]
    pub(crate) diff: bool,

    /// Check again whenever a file changes
    #[arg(
        long,
        short,
        conflicts_with_all = [
            "fix", "diff", "write_baseline", "stdin_filename", "show_settings", "show_files"
        ]
    )]
    pub(crate) watch: bool,

    /// Do not report what this file holds
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Write all that is found to the baseline
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "diff", "baseline"])]
    pub(crate) write_baseline: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct Sources {
    /// A file instead of the nearest pyproject.toml, or one setting: `key = value`
    #[arg(long, value_name = "FILE or KEY = VALUE")]
    pub(crate) config: Vec<String>,

    /// Use no configuration file, and no environment but the one that --python names
    #[arg(long)]
    pub(crate) isolated: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Cache")]
pub(crate) struct Caching {
    /// Where results are kept for the next run, instead of `.riata_cache` in the project [env: RIATA_CACHE_DIR]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Check every file, and keep no results
    #[arg(long)]
    pub(crate) no_cache: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Explain a rule, or list all rules
    Rule(RuleArguments),
}

#[derive(Args, Debug)]
pub(crate) struct RuleArguments {
    /// The rule, by its code or its name
    #[arg(conflicts_with = "all")]
    pub(crate) name: Option<String>,

    /// Explain all rules
    #[arg(long)]
    pub(crate) all: bool,

    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) output_format: RuleFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuleFormat {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal that can show them
    #[default]
    Auto,
    Always,
    Never,
}

fn output_format() -> impl clap::builder::TypedValueParser<Value = OutputFormat> {
    PossibleValuesParser::new(OutputFormat::ALL.map(|(name, _)| name))
        .try_map(|name| name.parse::<OutputFormat>())
}

fn pattern_and_rule(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once(':') {
        Some((pattern, rule)) if !pattern.is_empty() && !rule.is_empty() => {
            Ok((pattern.to_owned(), rule.to_owned()))
        }
        _ => Err("write a pattern, a colon and a rule: `tests/*:RIA9`".to_owned()),
    }
}
