//! SARIF 2.1.0, the format that code scanners exchange:
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::{Reporter, relative};
use crate::diagnostic::{Diagnostic, Fix};
use crate::rules::{self, Rule};
use crate::run::Outcome;
use crate::source::Location;

pub(super) fn write(
    reporter: &Reporter<'_>,
    out: &mut dyn Write,
    outcome: &Outcome,
) -> io::Result<()> {
    let codes: BTreeSet<&str> = outcome
        .diagnostics
        .iter()
        .map(|found| &*found.code)
        .collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let rules: Vec<Value> = codes
        .iter()
        .map(|code| match rules::find(code) {
            Some(rule) => describe(rule),
            None => json!({ "id": code }),
        })
        .collect();
    let results: Vec<Value> = outcome
        .diagnostics
        .iter()
        .map(|found| result(reporter, found, &codes))
        .collect();
    let notifications: Vec<Value> = outcome
        .problems
        .iter()
        .map(|problem| {
            json!({
                "level": "error",
                "message": { "text": problem.message },
                "locations": [
                    { "physicalLocation": { "artifactLocation": artifact(reporter, &problem.path) } }
                ],
            })
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "riata",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                },
            },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": outcome.problems.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn describe(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "name": rule.name,
        "shortDescription": { "text": rule.summary() },
        "fullDescription": { "text": rule.summary() },
        "help": { "text": rule.markdown(), "markdown": rule.markdown() },
        "helpUri": super::url(rule.name),
        "defaultConfiguration": { "enabled": rule.default, "level": "error" },
    })
}

fn result(reporter: &Reporter<'_>, found: &Diagnostic, codes: &[&str]) -> Value {
    let related: Vec<Value> = found
        .related
        .iter()
        .chain(&found.also)
        .enumerate()
        .map(|(index, related)| {
            let mut place = location(reporter, &related.location);
            place["id"] = json!(index);
            place["message"] = json!({ "text": related.message });
            place
        })
        .collect();
    let mut text = found.message.clone();
    for note in &found.notes {
        write!(text, "\n{note}").expect("a string");
    }
    if let Some(help) = &found.help {
        write!(text, "\nHelp: {help}").expect("a string");
    }
    let mut result = json!({
        "ruleId": found.code,
        "ruleIndex": codes.iter().position(|code| *code == found.code),
        "level": "error",
        "message": { "text": text },
        "locations": [location(reporter, &found.location)],
    });
    if !related.is_empty() {
        result["relatedLocations"] = Value::Array(related);
    }
    if let Some(fix) = &found.fix
        && let Some(fix) = describe_fix(reporter, found, fix)
    {
        result["fixes"] = json!([fix]);
    }
    result
}

fn describe_fix(reporter: &Reporter<'_>, found: &Diagnostic, fix: &Fix) -> Option<Value> {
    let source = reporter.sources.get(&found.location.path)?;
    let replacements: Vec<Value> = fix
        .edits
        .iter()
        .map(|edit| {
            let (start, end) = (source.position(edit.start), source.position(edit.end));
            json!({
                "deletedRegion": {
                    "startLine": start.line,
                    "startColumn": start.column,
                    "endLine": end.line,
                    "endColumn": end.column,
                },
                "insertedContent": { "text": edit.content },
            })
        })
        .collect();
    Some(json!({
        "description": { "text": fix.title },
        "artifactChanges": [{
            "artifactLocation": artifact(reporter, &found.location.path),
            "replacements": replacements,
        }],
    }))
}

fn location(reporter: &Reporter<'_>, location: &Location) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": artifact(reporter, &location.path),
            "region": {
                "startLine": location.start.line,
                "startColumn": location.start.column,
                "endLine": location.end.line,
                "endColumn": location.end.column,
            },
        },
    })
}

/// A path below the working directory is relative, as code scanners want it to find the file in their checkout.
fn artifact(reporter: &Reporter<'_>, path: &Path) -> Value {
    let below = relative(path, reporter.root);
    let text = below.to_string_lossy().replace('\\', "/");
    let uri = encode(&text);
    if below.is_absolute() {
        let slash = if uri.starts_with('/') { "" } else { "/" };
        json!({ "uri": format!("file://{slash}{uri}") })
    } else {
        json!({ "uri": uri })
    }
}

/// The characters that a path of a URI cannot hold, in per cents.
fn encode(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_no_spaces() {
        assert_eq!(encode("a b/ü:#.py"), "a%20b/%C3%BC%3A%23.py");
    }
}
