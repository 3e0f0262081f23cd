//! What a fix would change, as lines taken out and put in.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::Style;
use super::sources::Source;
use crate::diagnostic::Fix;

/// How many lines are shown around a change.
const CONTEXT: usize = 1;
/// A fix that changes more lines is cut.
const MAX_LINES: usize = 40;
/// Columns of a line that are shown.
const MAX_WIDTH: usize = 200;

/// The changed lines with numbers and a little context; nothing when the edits do not fit the text.
pub(super) fn render(source: &Source, fix: &Fix, style: Style) -> String {
    let Some((first_line, before, after)) = around(source, fix) else {
        return String::new();
    };
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    let width = (first_line + after.lines().count().max(before.lines().count()))
        .to_string()
        .len();
    let mut out = String::new();
    let mut written = 0;
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            writeln!(out, "{}", style.margin(&format!("{:>width$} :", ""))).expect("a string");
        }
        for change in group
            .iter()
            .flat_map(|operation| diff.iter_changes(operation))
        {
            if written == MAX_LINES {
                writeln!(out, "{}", style.margin(&format!("{:>width$} ...", "")))
                    .expect("a string");
                return out;
            }
            written += 1;
            let text = clean(change.value());
            let number = change
                .new_index()
                .filter(|_| change.tag() != ChangeTag::Delete);
            let number = number.map_or_else(String::new, |line| (first_line + line).to_string());
            let number = style.margin(&format!("{number:>width$}"));
            let line = match change.tag() {
                ChangeTag::Equal => {
                    let bar = style.margin("|");
                    format!("{number} {bar} {text}")
                }
                ChangeTag::Delete => format!("{number} {}", style.removed(&format!("- {text}"))),
                ChangeTag::Insert => format!("{number} {}", style.added(&format!("+ {text}"))),
            };
            writeln!(out, "{}", line.trim_end()).expect("a string");
        }
    }
    out
}

/// The lines that the edits touch with some around them, before and after, and the number of the first one.
fn around(source: &Source, fix: &Fix) -> Option<(usize, String, String)> {
    let (first, last) = (
        fix.edits.first()?,
        fix.edits.iter().map(|edit| edit.end).max()?,
    );
    let first_line = source
        .position(first.start)
        .line
        .saturating_sub(CONTEXT + 1)
        .max(1);
    let last_line = (source.position(last).line + CONTEXT + 1).min(source.line_count());
    let range = source.range(first_line, last_line)?;
    let mut after = String::new();
    let mut at = range.start;
    for edit in &fix.edits {
        let (start, end) = (edit.start as usize, edit.end as usize);
        after.push_str(source.text.get(at..start)?);
        after.push_str(&edit.content);
        at = end;
    }
    after.push_str(source.text.get(at..range.end)?);
    let before = source.text.get(range)?.to_owned();
    Some((first_line, before, after))
}

/// A line as it is shown: without its end and without what moves the cursor, and not too long.
fn clean(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']).replace('\t', "    ");
    let mut out: String = line
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_WIDTH)
        .collect();
    if line.chars().nth(MAX_WIDTH).is_some() {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Applicability, Edit};

    fn check(text: &str, edits: &[(&str, &str)], expected: &str) {
        let source = Source::new(text.to_owned());
        let edits = edits
            .iter()
            .map(|(old, new)| {
                let start = text.find(old).expect("in the text");
                let end = u32::try_from(start + old.len()).expect("small");
                let start = u32::try_from(start).expect("small");
                Edit {
                    start,
                    end,
                    content: (*new).to_owned(),
                }
            })
            .collect();
        let fix = Fix {
            title: String::new(),
            applicability: Applicability::Safe,
            edits,
        };
        assert_eq!(render(&source, &fix, Style::default()), expected);
    }

    #[test]
    fn changed_lines_are_shown_with_their_numbers() {
        check(
            "a\nb\nc\nd\n",
            &[("b", "B1\nB2")],
            "1 | a\n  - b\n2 + B1\n3 + B2\n4 | c\n",
        );
        check("only", &[("only", "one")], "  - only\n1 + one\n");
        check(
            "a\r\n\tb\r\nc\r\n",
            &[("b", "x")],
            "1 | a\n  -     b\n2 +     x\n3 | c\n",
        );
    }

    #[test]
    fn what_lies_between_far_changes_is_left_out() {
        check(
            "1\n2\n3\n4\n5\n6\n7\n8\n",
            &[("1", "one"), ("8", "eight")],
            "  - 1\n1 + one\n2 | 2\n  :\n7 | 7\n  - 8\n8 + eight\n",
        );
    }

    #[test]
    fn edits_of_another_text_are_not_shown() {
        let source = Source::new("short".to_owned());
        let edits = vec![Edit {
            start: 90,
            end: 95,
            content: String::new(),
        }];
        let fix = Fix {
            title: String::new(),
            applicability: Applicability::Safe,
            edits,
        };
        assert_eq!(render(&source, &fix, Style::default()), "");
    }
}
