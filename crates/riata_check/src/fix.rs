//! Applying fixes, until nothing is left to fix.
//!
//! Everything happens on texts in memory, which the session takes for the files: types of the next round are those of the
//! new texts, and a run that only shows what it would do is the same run. Files are written at the end, if at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use riata_types::Encoding;
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

use crate::diagnostic::{Applicability, Diagnostic, Edit};
use crate::one_file::FileOutcome;
use crate::rules::SYNTAX_ERROR;
use crate::run::{Outcome, Problem};
use crate::session::Session;

/// After so many rounds two rules undo each other's fixes.
const MAX_ROUNDS: usize = 100;

/// What fixing came to.
#[derive(Debug, Default)]
pub struct Fixed {
    /// What is found in the new texts.
    pub outcome: Outcome,
    pub changes: BTreeMap<PathBuf, Change>,
}

/// What became of a file.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub before: String,
    pub after: String,
    /// How many findings of each rule were fixed, by code.
    pub fixed: BTreeMap<String, usize>,
}

/// Fix what can be fixed in the files of a session. `wanted` takes out of a run's findings those that are to be left alone.
pub fn fix(
    session: &mut Session,
    applicability: Applicability,
    mut wanted: impl FnMut(&Session, &mut Vec<Diagnostic>),
) -> Fixed {
    let mut fixed = Fixed::default();
    let mut problems: Vec<Problem> = Vec::new();
    let mut refused: Vec<(PathBuf, String)> = Vec::new();
    let mut results: BTreeMap<PathBuf, FileOutcome> = BTreeMap::new();
    let mut pending = session.files().to_vec();
    let mut rounds = 0;
    loop {
        results.extend(session.check_files(&pending));
        let is_complete = pending.len() == session.files().len();
        fixed.outcome = Outcome {
            files: results.len(),
            ..Outcome::default()
        };
        results.values().for_each(|found| fixed.outcome.add(found));
        wanted(session, &mut fixed.outcome.diagnostics);
        let by_file = fixable(&fixed.outcome.diagnostics, applicability, &refused);
        rounds += 1;
        if rounds > MAX_ROUNDS && !by_file.is_empty() {
            problems.extend(
                by_file
                    .into_iter()
                    .map(|(path, found)| unsettled(path, &found)),
            );
            break;
        }
        let mut texts = Vec::new();
        for (path, found) in by_file {
            let Ok(before) = session.text(path) else {
                continue;
            };
            let applied = apply_all(&before, &found);
            for code in applied.broken {
                problems.push(Problem {
                    path: path.to_path_buf(),
                    message: format!("a fix of {code} would break the file, and was left out"),
                });
                refused.push((path.to_path_buf(), code));
            }
            if applied.text == before {
                continue;
            }
            let change = fixed
                .changes
                .entry(path.to_path_buf())
                .or_insert_with(|| Change {
                    before,
                    ..Change::default()
                });
            change.after.clone_from(&applied.text);
            for (code, count) in applied.fixed {
                *change.fixed.entry(code).or_default() += count;
            }
            texts.push((path.to_path_buf(), applied.text));
        }
        if texts.is_empty() && is_complete {
            break;
        }
        pending = match texts.as_slice() {
            // What is found in other files may depend on what was fixed in these.
            [] => session.files().to_vec(),
            texts => texts.iter().map(|(path, _)| path.clone()).collect(),
        };
        for (path, text) in texts {
            session.set_text(&path, text);
        }
    }
    fixed.outcome.problems.extend(problems);
    fixed
        .changes
        .retain(|_, change| change.before != change.after);
    fixed
}

fn fixable<'a>(
    found: &'a [Diagnostic],
    applicability: Applicability,
    refused: &[(PathBuf, String)],
) -> BTreeMap<&'a Path, Vec<&'a Diagnostic>> {
    let mut by_file: BTreeMap<&Path, Vec<&Diagnostic>> = BTreeMap::new();
    for found in found {
        let path = &found.location.path;
        let is_refused = refused
            .iter()
            .any(|(other, code)| other == path && *code == found.code);
        if is_applicable(found, applicability) && !is_refused {
            by_file.entry(path).or_default().push(found);
        }
    }
    by_file
}

fn is_applicable(found: &Diagnostic, applicability: Applicability) -> bool {
    found.code != SYNTAX_ERROR.0
        && found.fix.as_ref().is_some_and(|fix| {
            fix.applicability == Applicability::Safe || applicability == Applicability::Unsafe
        })
}

fn unsettled(path: &Path, found: &[&Diagnostic]) -> Problem {
    let mut codes: Vec<&str> = found.iter().map(|found| found.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    Problem {
        path: path.to_path_buf(),
        message: format!(
            "after {MAX_ROUNDS} rounds of fixes there is still something to fix ({}); please report this",
            codes.join(", ")
        ),
    }
}

/// A text with fixes applied.
#[derive(Debug, Default, PartialEq, Eq)]
struct Applied {
    text: String,
    fixed: BTreeMap<String, usize>,
    /// The codes of rules whose fix would have given a text that does not parse.
    broken: Vec<String>,
}

/// Apply the fixes of one file that do not overlap; the rest is for the next round.
fn apply_all(text: &str, found: &[&Diagnostic]) -> Applied {
    let applied = apply(text, found);
    // One that does not parse has no fixes, see syntax.rs; it may still come here with ones of a caller's own making.
    if parses(&applied.text) || !parses(text) {
        return applied;
    }
    let mut good: Vec<&Diagnostic> = Vec::new();
    let mut broken = Vec::new();
    for one in found {
        let tried: Vec<&Diagnostic> = good.iter().copied().chain([*one]).collect();
        if parses(&apply(text, &tried).text) {
            good = tried;
        } else if !broken.contains(&one.code) {
            broken.push(one.code.clone());
        }
    }
    Applied {
        broken,
        ..apply(text, &good)
    }
}

fn apply(text: &str, found: &[&Diagnostic]) -> Applied {
    let mut fixes: Vec<(&str, &[Edit])> = found
        .iter()
        .filter_map(|found| Some((found.code.as_str(), found.fix.as_ref()?.edits.as_slice())))
        .filter(|(_, edits)| edits.iter().all(|edit| is_valid(text, edit)))
        .collect();
    fixes.sort_by_key(|(_, edits)| edits.first().map(|edit| (edit.start, edit.end)));
    let mut applied = Applied::default();
    let mut edits: Vec<&Edit> = Vec::new();
    for (code, all) in fixes {
        // An import that two fixes need is the same edit in both.
        let new: Vec<&Edit> = all.iter().filter(|edit| !edits.contains(edit)).collect();
        let is_free = |edit: &&Edit| edits.iter().all(|other| are_apart(edit, other));
        if !all.is_empty() && new.iter().all(is_free) {
            edits.extend(new);
            *applied.fixed.entry(code.to_owned()).or_default() += 1;
        }
    }
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let ending = line_ending(text);
    let mut end = 0;
    for edit in edits {
        let start = after_mark(text, edit.start as usize);
        applied
            .text
            .push_str(text.get(end..start).unwrap_or_default());
        if ending == "\n" {
            applied.text.push_str(&edit.content);
        } else {
            applied
                .text
                .push_str(&edit.content.replace("\r\n", "\n").replace('\n', ending));
        }
        end = start.max(edit.end as usize);
    }
    applied.text.push_str(text.get(end..).unwrap_or_default());
    applied
}

/// Nothing comes before the byte order mark.
fn after_mark(text: &str, at: usize) -> usize {
    if at == 0 && text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        at
    }
}

fn is_valid(text: &str, edit: &Edit) -> bool {
    edit.start <= edit.end
        && text.is_char_boundary(edit.start as usize)
        && text.is_char_boundary(edit.end as usize)
}

/// Two edits at one place have no order, so they are not apart.
fn are_apart(one: &Edit, other: &Edit) -> bool {
    let touch = one.start == other.start;
    !touch && (one.end <= other.start || other.end <= one.start)
}

/// The line ending of a text: that of its first line.
fn line_ending(text: &str) -> &'static str {
    match text.find(['\n', '\r']) {
        Some(at) if text[at..].starts_with("\r\n") => "\r\n",
        Some(at) if text[at..].starts_with('\r') => "\r",
        _ => "\n",
    }
}

/// Whether a text is Python, and not so deep that this cannot be said.
fn parses(text: &str) -> bool {
    crate::depth::too_deep(text).is_none()
        && parse_unchecked(text, ParseOptions::from(Mode::Module))
            .errors()
            .is_empty()
}

impl Change {
    /// What changes, as a unified diff under the given name.
    pub fn diff(&self, name: &str) -> String {
        similar::TextDiff::from_lines(&self.before, &self.after)
            .unified_diff()
            .header(name, name)
            .to_string()
    }

    /// How many findings were fixed.
    pub fn count(&self) -> usize {
        self.fixed.values().sum()
    }

    /// Write the new text to the file, unless somebody else changed it meanwhile.
    ///
    /// # Errors
    /// Says why it was not written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let now = std::fs::read(path).map_err(|error| format!("cannot be read again: {error}"))?;
        let changed = || String::from("was changed while it was checked, and is not fixed");
        let (text, encoding) = riata_types::decode(now.clone()).map_err(|_| changed())?;
        if text != self.before {
            return Err(changed());
        }
        let bytes = encoded(&self.after, encoding)
            // Some encodings have several ways to write one text.
            .filter(|_| encoding.encode(&text).as_ref() == Some(&now))
            .ok_or("cannot be written in its own encoding, and is not fixed")?;
        crate::write::replace(path, &bytes).map_err(|error| format!("cannot be written: {error}"))
    }
}

/// The bytes of a text, when they are read as that text again.
pub fn encoded(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    encoding
        .encode(text)
        .filter(|bytes| riata_types::decode(bytes.clone()).is_ok_and(|(again, _)| again == text))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Applied, apply_all};
    use crate::diagnostic::{Diagnostic, Edit, Fix};
    use crate::source::{Location, Position};

    fn finding(code: &str, edits: &[(u32, u32, &str)]) -> Diagnostic {
        let place = Position { line: 1, column: 1 };
        let edits = edits
            .iter()
            .map(|(start, end, content)| Edit {
                start: *start,
                end: *end,
                content: (*content).to_owned(),
            })
            .collect();
        Diagnostic {
            code: code.to_owned(),
            name: String::new(),
            location: Location {
                path: PathBuf::new(),
                start: place,
                end: place,
            },
            range: (0, 0),
            message: String::new(),
            related: Vec::new(),
            also: Vec::new(),
            function: None,
            notes: Vec::new(),
            help: None,
            fix: Some(Fix::safe("", edits)),
            cause: None,
        }
    }

    fn check(text: &str, found: &[Diagnostic], expected: &str, broken: &[&str]) -> Applied {
        let applied = apply_all(text, &found.iter().collect::<Vec<_>>());
        assert_eq!(applied.text, expected);
        assert_eq!(applied.broken, broken);
        applied
    }

    #[test]
    fn fixes_that_overlap_wait_for_the_next_round() {
        let found = [
            finding("B", &[(4, 5, "three")]),
            finding("A", &[(0, 5, "y = 2")]),
            finding("C", &[(6, 7, "z")]),
        ];
        let applied = check("x = 1\na\n", &found, "y = 2\nz\n", &[]);
        assert_eq!(
            applied.fixed.into_iter().collect::<Vec<_>>(),
            [("A".into(), 1), ("C".into(), 1)]
        );
        let found = [
            finding("A", &[(0, 0, "y = 2\n")]),
            finding("A", &[(0, 0, "z = 2\n")]),
        ];
        check("x = 1\n", &found, "y = 2\nx = 1\n", &[]);
    }

    #[test]
    fn an_import_that_two_fixes_need_is_added_once() {
        let import = (0, 0, "import a\n");
        let found = [
            finding("A", &[import, (0, 1, "a")]),
            finding("B", &[import, (2, 3, "b")]),
        ];
        check("x\ny\n", &found[1..], "import a\nx\nb\n", &[]);
        let found = [
            finding("A", &[import, (2, 3, "c")]),
            finding("B", &[import, (4, 5, "b")]),
        ];
        let applied = check("x\ny\nz\n", &found, "import a\nx\nc\nb\n", &[]);
        assert_eq!(applied.fixed.len(), 2);
    }

    #[test]
    fn what_would_not_parse_is_left_out() {
        let found = [finding("A", &[(0, 1, "(")]), finding("B", &[(2, 3, "z")])];
        check("x\ny\n", &found, "x\nz\n", &["A"]);
        // Each is right, and both together are not.
        let found = [
            finding("A", &[(0, 0, "f("), (5, 5, ")")]),
            finding("B", &[(2, 3, ";")]),
        ];
        check("x + y\n", &found, "f(x + y)\n", &["B"]);
        let found = [finding("A", &[(0, 9, "y")]), finding("B", &[(1, 2, "y")])];
        check("é\n", &found, "é\n", &[]);
    }

    #[test]
    fn line_endings_and_marks_are_kept() {
        check(
            "x\r\ny\r\n",
            &[finding("A", &[(3, 4, "a\nb\r\nc")])],
            "x\r\na\r\nb\r\nc\r\n",
            &[],
        );
        check(
            "x\ry\r",
            &[finding("A", &[(2, 3, "a\nb")])],
            "x\ra\rb\r",
            &[],
        );
        check(
            "\u{feff}x\n",
            &[finding("A", &[(0, 0, "y\n")])],
            "\u{feff}y\nx\n",
            &[],
        );
    }
}
