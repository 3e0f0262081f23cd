//! How often each rule found something, most often first.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::json;

use super::{OutputFormat, Reporter};
use crate::diagnostic::Diagnostic;

struct Entry<'a> {
    code: &'a str,
    name: &'a str,
    count: usize,
    fixable: usize,
}

pub(super) fn write(
    reporter: &Reporter<'_>,
    out: &mut dyn Write,
    diagnostics: &[Diagnostic],
) -> io::Result<()> {
    let mut by_code: BTreeMap<&str, Entry<'_>> = BTreeMap::new();
    for found in diagnostics {
        let entry = by_code.entry(&found.code).or_insert_with(|| Entry {
            code: &found.code,
            name: &found.name,
            count: 0,
            fixable: 0,
        });
        entry.count += 1;
        entry.fixable += usize::from(reporter.is_fixable(found));
    }
    let mut entries: Vec<Entry<'_>> = by_code.into_values().collect();
    entries.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.code.cmp(b.code)));
    if reporter.format == OutputFormat::Json {
        return write_json(out, &entries);
    }
    let count_width = entries
        .iter()
        .map(|entry| entry.count.to_string().len())
        .max()
        .unwrap_or(0);
    let code_width = entries
        .iter()
        .map(|entry| entry.code.len())
        .max()
        .unwrap_or(0);
    let any_fixable = entries.iter().any(|entry| entry.fixable > 0);
    let style = reporter.style;
    for entry in &entries {
        let count = format!("{:>count_width$}", entry.count);
        let code = format!("{:<code_width$}", entry.code);
        write!(out, "{}\t{}\t", style.bold(&count), style.error(&code))?;
        if any_fixable {
            let mark = match entry.fixable {
                0 => " ",
                all if all == entry.count => "*",
                _ => "-",
            };
            write!(out, "[{}] ", style.accent(mark))?;
        }
        writeln!(out, "{}", entry.name)?;
    }
    Ok(())
}

fn write_json(out: &mut dyn Write, entries: &[Entry<'_>]) -> io::Result<()> {
    let all: Vec<serde_json::Value> = entries
        .iter()
        .map(|entry| {
            json!({
                "code": entry.code,
                "name": entry.name,
                "count": entry.count,
                "fixable": entry.fixable == entry.count,
                "fixable_count": entry.fixable,
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &all)?;
    writeln!(out)
}
