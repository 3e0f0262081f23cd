//! `riata-check rule`: what rules are about.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use riata_check::report;
use riata_check::rules::{self, FixKind, RULES, Rule};
use serde_json::{Value, json};

use crate::arguments::{RuleArguments, RuleFormat};

pub(crate) fn run(asked: &RuleArguments) -> Result<ExitCode, String> {
    let text = match (&asked.name, asked.output_format) {
        (Some(name), format) => {
            let rule = rules::find(name).ok_or_else(|| rules::unknown(name))?;
            match format {
                RuleFormat::Text => explain(rule),
                RuleFormat::Json => pretty(&describe(rule)),
            }
        }
        (None, RuleFormat::Json) => pretty(&Value::Array(
            RULES.iter().map(|rule| describe(rule)).collect(),
        )),
        (None, RuleFormat::Text) if asked.all => RULES
            .iter()
            .map(|rule| explain(rule))
            .collect::<Vec<_>>()
            .join("\n"),
        (None, RuleFormat::Text) => list(),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn explain(rule: &Rule) -> String {
    let on = if rule.default {
        "On by default."
    } else {
        "Off by default."
    };
    let fix = match rule.fix {
        FixKind::None => "No fix.",
        FixKind::Safe => "A fix is sometimes available.",
        FixKind::Unsafe => "A fix is sometimes available, with `--unsafe-fixes`.",
    };
    format!(
        "# {} ({})\n\n{on} {fix}\n\n{}",
        rule.name,
        rule.code,
        rule.markdown()
    )
}

fn list() -> String {
    let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for rule in RULES {
        let on = if rule.default { "on " } else { "off" };
        let fix = match rule.fix {
            FixKind::None => "      ",
            FixKind::Safe => "fix   ",
            FixKind::Unsafe => "unsafe",
        };
        writeln!(out, "{:<7}  {:<width$}  {on}  {fix}", rule.code, rule.name).expect("a string");
    }
    out.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn describe(rule: &Rule) -> Value {
    json!({
        "code": rule.code,
        "name": rule.name,
        "summary": rule.summary(),
        "default": rule.default,
        "fix": match rule.fix {
            FixKind::None => "none",
            FixKind::Safe => "safe",
            FixKind::Unsafe => "unsafe",
        },
        "explanation": rule.markdown(),
        "url": report::url(rule.name),
    })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
