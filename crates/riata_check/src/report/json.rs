//! A list of objects in the shape of ruff's, so that tools that read the one read the other, and `related`.

use std::io::{self, Write};

use serde::Serialize;

use super::Reporter;
use crate::diagnostic::{Applicability, Diagnostic, Fix, Related};
use crate::source::Position;

#[derive(Serialize)]
struct Entry<'a> {
    cell: Option<usize>,
    code: &'a str,
    end_location: Place,
    filename: String,
    fix: Option<FixEntry<'a>>,
    location: Place,
    message: &'a str,
    name: &'a str,
    noqa_row: usize,
    related: Vec<RelatedEntry<'a>>,
    url: String,
}

#[derive(Serialize)]
struct FixEntry<'a> {
    applicability: &'static str,
    edits: Vec<EditEntry<'a>>,
    message: &'a str,
}

#[derive(Serialize)]
struct EditEntry<'a> {
    content: &'a str,
    end_location: Place,
    location: Place,
}

#[derive(Serialize)]
struct RelatedEntry<'a> {
    end_location: Place,
    filename: String,
    location: Place,
    message: &'a str,
}

#[derive(Serialize)]
struct Place {
    column: usize,
    row: usize,
}

impl From<Position> for Place {
    fn from(position: Position) -> Self {
        Self {
            column: position.column,
            row: position.line,
        }
    }
}

pub(super) fn write(
    reporter: &Reporter<'_>,
    out: &mut dyn Write,
    diagnostics: &[Diagnostic],
) -> io::Result<()> {
    let entries: Vec<Entry<'_>> = diagnostics
        .iter()
        .map(|found| entry(reporter, found))
        .collect();
    serde_json::to_writer_pretty(&mut *out, &entries)?;
    writeln!(out)
}

fn entry<'a>(reporter: &Reporter<'_>, found: &'a Diagnostic) -> Entry<'a> {
    Entry {
        cell: None,
        code: &found.code,
        end_location: found.location.end.into(),
        filename: found.location.path.display().to_string(),
        fix: found
            .fix
            .as_ref()
            .map(|fix| fix_entry(reporter, found, fix)),
        location: found.location.start.into(),
        message: &found.message,
        name: &found.name,
        noqa_row: found.location.start.line,
        related: found
            .related
            .iter()
            .chain(&found.also)
            .map(related_entry)
            .collect(),
        url: super::url(&found.name),
    }
}

fn fix_entry<'a>(reporter: &Reporter<'_>, found: &Diagnostic, fix: &'a Fix) -> FixEntry<'a> {
    let source = reporter.sources.get(&found.location.path);
    let place = |offset: u32| match &source {
        Some(source) => source.position(offset).into(),
        None => found.location.start.into(),
    };
    FixEntry {
        applicability: match fix.applicability {
            Applicability::Safe => "safe",
            Applicability::Unsafe => "unsafe",
        },
        edits: fix
            .edits
            .iter()
            .map(|edit| EditEntry {
                content: &edit.content,
                end_location: place(edit.end),
                location: place(edit.start),
            })
            .collect(),
        message: &fix.title,
    }
}

fn related_entry(related: &Related) -> RelatedEntry<'_> {
    RelatedEntry {
        end_location: related.location.end.into(),
        filename: related.location.path.display().to_string(),
        location: related.location.start.into(),
        message: &related.message,
    }
}
