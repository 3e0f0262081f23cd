//! A finding with the code around it: the place, the call chain as numbered places, notes, and the fix.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::sources::Source;
use super::{Reporter, diff};
use crate::diagnostic::{Applicability, Diagnostic};
use crate::source::{Location, Position};

/// Lines shown before and after the place itself.
const CONTEXT: usize = 2;
/// Columns of one line that are underlined at most: what is longer would not fit a terminal.
const MAX_UNDERLINED: usize = 100;

pub(super) fn write(
    reporter: &Reporter<'_>,
    out: &mut dyn Write,
    diagnostics: &[Diagnostic],
) -> io::Result<()> {
    for found in diagnostics {
        writeln!(out, "{}", header(reporter, found))?;
        writeln!(out, "{}", body(reporter, found))?;
        write_fix(reporter, out, found)?;
        writeln!(out)?;
    }
    Ok(())
}

fn header(reporter: &Reporter<'_>, found: &Diagnostic) -> String {
    let style = reporter.style;
    let code = style.link(&super::url(&found.name), &style.error(&found.code));
    let mark = if reporter.is_fixable(found) {
        format!("[{}] ", style.accent("*"))
    } else {
        String::new()
    };
    format!("{code} {mark}{}", style.bold(&found.message))
}

/// The excerpts and what is said below them.
fn body(reporter: &Reporter<'_>, found: &Diagnostic) -> String {
    let mut group = Group::with_level(Level::ERROR);
    let mut notes: Vec<String> = Vec::new();
    for (path, places) in places_by_file(found) {
        let shown = reporter.path(&path);
        let Some(source) = reporter.sources.get(&path) else {
            // A stub of the standard library, or a file that is gone.
            for place in places {
                let Position { line, column } = place.location.start;
                match place.label {
                    Some(label) => notes.push(format!("{label}, at {shown}:{line}:{column}")),
                    None => {
                        let origin = Origin::path(shown.clone()).line(line).char_column(column);
                        group = group.element(origin);
                    }
                }
            }
            continue;
        };
        group = group.element(excerpt(&source, &shown, &places, reporter.style.width));
    }
    notes.extend(found.notes.iter().cloned());
    // The note that counts them is the last one.
    if let Some(last) = notes.last_mut() {
        for also in &found.also {
            let Position { line, column } = also.location.start;
            let name = also.message.trim_start_matches("also reached from ");
            let path = reporter.path(&also.location.path);
            last.push_str(&format!("\n{name} at {path}:{line}:{column}"));
        }
    }
    for note in notes {
        group = group.element(Level::NOTE.message(note));
    }
    if let (Some(help), None) = (&found.help, &found.fix) {
        group = group.element(Level::HELP.message(help.clone()));
    }
    let style = reporter.style;
    let renderer = if style.color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer
        .term_width(style.width)
        .hyperlink(style.hyperlinks)
        .render(&[group])
}

/// What is underlined.
struct Place<'a> {
    location: &'a Location,
    /// Nothing for the finding itself: the header says what it is.
    label: Option<String>,
}

/// The finding's own file first, then the others in the order of the chain.
fn places_by_file(found: &Diagnostic) -> Vec<(PathBuf, Vec<Place<'_>>)> {
    let own = Place {
        location: &found.location,
        label: None,
    };
    let mut files = vec![(found.location.path.clone(), vec![own])];
    for (index, related) in found.related.iter().enumerate() {
        // One place needs no number.
        let label = if found.related.len() > 1 {
            format!("{}: {}", index + 1, related.message)
        } else {
            related.message.clone()
        };
        let place = Place {
            location: &related.location,
            label: Some(label),
        };
        match files
            .iter_mut()
            .find(|(path, _)| *path == related.location.path)
        {
            Some((_, places)) => places.push(place),
            None => files.push((related.location.path.clone(), vec![place])),
        }
    }
    files
}

/// The lines that the places of one file are on. Only these lines are given away, so that a large file costs nothing.
fn excerpt<'a>(
    source: &Source,
    path: &str,
    places: &[Place<'_>],
    width: usize,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let count = source.line_count();
    let line_of = |position: Position| position.line.clamp(1, count);
    let primary = places.iter().find(|place| place.label.is_none());
    let context = primary.map(|place| {
        let (start, end) = (line_of(place.location.start), line_of(place.location.end));
        // Where the beginning of a line is cut off, nothing of the short lines around it would be left.
        if place.location.end.column > width {
            (start, end)
        } else {
            context(source, start, end)
        }
    });
    let starts = places.iter().map(|place| line_of(place.location.start));
    let ends = places.iter().map(|place| line_of(place.location.end));
    let first = starts
        .chain(context.map(|(first, _)| first))
        .min()
        .unwrap_or(1);
    let last = ends
        .chain(context.map(|(_, last)| last))
        .max()
        .unwrap_or(first);

    let mut text = String::new();
    let mut line_starts = Vec::with_capacity(last + 1 - first);
    for line in first..=last {
        line_starts.push(text.len());
        text.push_str(source.line(line));
        text.push('\n');
    }
    let offset = |position: Position| {
        let start = line_starts
            .get(line_of(position) - first)
            .copied()
            .unwrap_or(0);
        start + source.offset(position)
    };
    let line_end = |line: usize| {
        offset(Position {
            line,
            column: usize::MAX,
        })
    };

    let mut annotations = Vec::new();
    if let (Some((from, to)), Some(primary)) = (context, primary) {
        // Not the lines of the finding itself: when they are many, the middle is left out.
        let (start, end) = (
            line_of(primary.location.start),
            line_of(primary.location.end),
        );
        for (from, to) in [(from, start), (end, to)] {
            let span = offset(Position {
                line: from,
                column: 1,
            })..line_end(to);
            annotations.push(AnnotationKind::Visible.span(span));
        }
    }
    for place in places {
        let (start, mut end) = (place.location.start, place.location.end);
        if start.line == end.line {
            end.column = end.column.min(start.column.saturating_add(MAX_UNDERLINED));
        }
        let span = offset(start)..offset(end).max(offset(start));
        annotations.push(match &place.label {
            None => AnnotationKind::Primary.span(span),
            Some(label) => AnnotationKind::Context.span(span).label(label.clone()),
        });
    }
    Snippet::source(text)
        .line_start(first)
        .path(path.to_owned())
        .annotations(annotations)
}

/// The lines shown around some lines; blank ones at the edges are not worth it.
fn context(source: &Source, first: usize, last: usize) -> (usize, usize) {
    let is_blank = |line: usize| source.line(line).trim().is_empty();
    let mut from = first.saturating_sub(CONTEXT).max(1);
    while from < first && is_blank(from) {
        from += 1;
    }
    let mut to = (last + CONTEXT).min(source.line_count());
    while to > last && is_blank(to) {
        to -= 1;
    }
    (from, to)
}

fn write_fix(reporter: &Reporter<'_>, out: &mut dyn Write, found: &Diagnostic) -> io::Result<()> {
    let Some(fix) = &found.fix else { return Ok(()) };
    let style = reporter.style;
    writeln!(out, "{}: {}", style.help("help"), style.bold(&fix.title))?;
    let path: &Path = &found.location.path;
    if let Some(source) = reporter.sources.get(path) {
        out.write_all(diff::render(&source, fix, style).as_bytes())?;
    }
    if fix.applicability == Applicability::Unsafe {
        let note = "the fix may change what the program does: `--fix --unsafe-fixes` applies it";
        writeln!(out, "{}: {note}", style.good("note"))?;
    }
    Ok(())
}
