//! Findings for the errors of the parser, and which others are kept beside them.
//!
//! The parser always gives a tree. What is far from an error is what was written, and rules are right about it; the
//! statement with the error in it, and its neighbours, are guesses. A rule that speaks of a guess would be noise, one that
//! is silent about a whole file because of one line that is being typed would be of little use in an editor.

use ruff_text_size::{Ranged, TextRange};

use crate::diagnostic::Diagnostic;
use crate::rules::SYNTAX_ERROR;
use crate::source::Text;

/// Add the errors, and leave out what was found in statements at the top that are not what was written. Fixes are left
/// out everywhere: a file that does not parse is not written.
pub(crate) fn apply(text: &Text, found: &mut Vec<Diagnostic>) {
    if text.errors().is_empty() {
        return;
    }
    let guesses = guesses(text);
    found.retain(|found| {
        let range = TextRange::new(found.range.0.into(), found.range.1.into());
        !guesses.iter().any(|guess| guess.contains_range(range))
    });
    for found in found.iter_mut() {
        found.fix = None;
    }
    found.extend(text.errors().iter().map(|error| {
        let range = error.location;
        Diagnostic {
            code: SYNTAX_ERROR.0.to_owned(),
            name: SYNTAX_ERROR.1.to_owned(),
            location: text.location(range),
            range: (range.start().into(), range.end().into()),
            message: error.error.to_string(),
            related: Vec::new(),
            also: Vec::new(),
            function: None,
            notes: Vec::new(),
            help: None,
            fix: None,
            cause: None,
        }
    }));
}

/// The ranges of the statements at the top that have an error in them, or right before or after them.
fn guesses(text: &Text) -> Vec<TextRange> {
    let lines = |range: TextRange| {
        (
            text.position(range.start()).line,
            text.position(range.end()).line,
        )
    };
    let errors: Vec<(usize, usize)> = text
        .errors()
        .iter()
        .map(|error| lines(error.location))
        .collect();
    let body = text.body();
    let mut guesses = Vec::new();
    for (index, statement) in body.iter().enumerate() {
        // Up to the next statement: what is between them belongs to neither, and the error may be there.
        let (first, own_last) = lines(statement.range());
        let last = body
            .get(index + 1)
            .map_or(usize::MAX, |next| lines(next.range()).0);
        let near =
            |(start, end): &(usize, usize)| *start <= last.min(own_last + 1) && *end + 1 >= first;
        if errors.iter().any(near) {
            guesses.push(statement.range());
        }
    }
    guesses
}
