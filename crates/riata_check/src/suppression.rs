//! Comments that take findings back: `# riata: ignore[RIA101]`, `# noqa: RIA101`, `# riata: ignore-file`.
//!
//! Comments come from the parser's tokens, so a string that looks like one is a string. A `noqa` that names the rule of
//! flake8-async or ruff for the same mistake is obeyed: whoever wrote it has looked at the place. What comments say to other
//! tools is never touched, and never called unused; a bare `noqa` is for all tools.

use std::cell::Cell;

use ruff_python_ast::token::TokenKind;
use ruff_text_size::{Ranged, TextRange, TextSize};

use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::rules::{self, Rule, Selection};
use crate::source::Text;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `# riata: ignore`
    Line,
    /// `# riata: ignore-file`
    File,
    /// `# noqa`
    Noqa,
}

/// A rule that a comment names, or what looks like one.
#[derive(Debug)]
struct Entry {
    range: TextRange,
    rule: Option<&'static Rule>,
    /// The codes of the rules that find what another tool's rule of this name finds.
    same: &'static [&'static str],
    used: Cell<bool>,
}

/// One instruction; a comment may hold several.
#[derive(Debug)]
struct Directive {
    kind: Kind,
    /// From the `#` to the end of the instruction.
    range: TextRange,
    /// Of the comment that it is in.
    comment: TextRange,
    line: usize,
    /// `None`: every rule.
    entries: Option<Vec<Entry>>,
    /// Whether one for every rule took something back.
    used: Cell<bool>,
}

/// The suppressions of a file.
#[derive(Debug, Default)]
pub(crate) struct Suppressions {
    directives: Vec<Directive>,
    /// Lines that hang together (strings of several lines, backslashes): first and last, in order.
    joined: Vec<(usize, usize)>,
}

impl Suppressions {
    pub(crate) fn new(text: &Text) -> Self {
        let mut found = Self::default();
        // Most files have none, and then nothing needs to be known of their lines.
        if !text.text.contains("riata:") && !contains_noqa(&text.text) {
            return found;
        }
        for token in text.parsed().tokens() {
            if token.kind() == TokenKind::Comment {
                found.comment(text, token.range());
            }
        }
        if !found.directives.is_empty() {
            found.joined = joined_lines(text);
        }
        found
    }

    fn comment(&mut self, text: &Text, comment: TextRange) {
        let line = text.position(comment.start()).line;
        for (start, _) in text.slice(comment).match_indices('#') {
            let rest = &text.slice(comment)[start + 1..];
            let Some(parsed) = parse(rest) else { continue };
            let start = comment.start() + size(start);
            let base = start + TextSize::of('#');
            let entries = parsed.entries.map(|entries| {
                entries
                    .into_iter()
                    .map(|(at, name)| Entry {
                        range: TextRange::at(base + size(at), TextSize::of(name)),
                        rule: match parsed.kind {
                            Kind::Noqa => {
                                rules::RULES.iter().copied().find(|rule| rule.code == name)
                            }
                            Kind::Line | Kind::File => rules::find(name),
                        },
                        same: match parsed.kind {
                            Kind::Noqa => same_elsewhere(name),
                            Kind::Line | Kind::File => &[],
                        },
                        used: Cell::new(false),
                    })
                    .collect()
            });
            self.directives.push(Directive {
                kind: parsed.kind,
                range: TextRange::new(start, base + size(parsed.end)),
                comment,
                line,
                entries,
                used: Cell::new(false),
            });
        }
    }

    /// Whether a comment takes a finding back; that comment counts as used.
    fn suppresses(&self, found: &Diagnostic) -> bool {
        let start = found.location.start.line;
        let lines = [start, self.end_of_joined(start), found.location.end.line];
        let mut suppressed = false;
        for directive in &self.directives {
            if directive.kind != Kind::File && !lines.contains(&directive.line) {
                continue;
            }
            match &directive.entries {
                None => {
                    directive.used.set(true);
                    suppressed = true;
                }
                Some(entries) => {
                    for entry in entries {
                        if entry.rule.is_some_and(|rule| rule.code == found.code) {
                            entry.used.set(true);
                            suppressed = true;
                        }
                        suppressed |= entry.same.contains(&found.code.as_str());
                    }
                }
            }
        }
        suppressed
    }

    /// The last of the lines that hang together with a line.
    fn end_of_joined(&self, line: usize) -> usize {
        let after = self.joined.partition_point(|(first, _)| *first <= line);
        match after
            .checked_sub(1)
            .and_then(|index| self.joined.get(index))
        {
            Some((_, last)) if *last >= line => *last,
            _ => line,
        }
    }

    /// Leave out what comments take back. Syntax errors stay: they say that the rest may be missing.
    pub(crate) fn apply(&self, found: &mut Vec<Diagnostic>) {
        found.retain(|found| found.code == rules::SYNTAX_ERROR.0 || !self.suppresses(found));
    }

    /// What the comments themselves do wrong. To be asked when everything else has been applied. `judge` says of which rules
    /// it is known that they found all they can in this file: only their suppressions can be called unused.
    pub(crate) fn findings(
        &self,
        text: &Text,
        selection: &Selection,
        judge: impl Fn(&Rule) -> bool,
    ) -> Vec<Diagnostic> {
        let unused = &rules::unused_suppression::RULE;
        let unknown = &rules::unknown_rule_in_suppression::RULE;
        let mut found = Vec::new();
        for directive in &self.directives {
            let Some(entries) = &directive.entries else {
                if selection.is_on(unused.code) && is_unused_blanket(directive, selection, &judge) {
                    found.push(unused_finding(text, directive, &[], |_| true));
                }
                continue;
            };
            for entry in entries {
                let name = text.slice(entry.range);
                let ours = directive.kind != Kind::Noqa || is_our_code(name);
                if entry.rule.is_none() && ours && selection.is_on(unknown.code) {
                    let message = if name == rules::SYNTAX_ERROR.0 || name == rules::SYNTAX_ERROR.1
                    {
                        format!(
                            "Suppression names `{name}`, and syntax errors cannot be suppressed"
                        )
                    } else {
                        format!("Suppression names `{name}`, which is no rule")
                    };
                    let mut finding = diagnostic(text, unknown, entry.range, message);
                    finding.help = nearest(name).map(|near| format!("did you mean `{near}`?"));
                    found.push(finding);
                }
            }
            let is_unused = |entry: &Entry| {
                entry.rule.is_some_and(|rule| {
                    !entry.used.get() && !is_about_comments(rule) && judge(rule)
                })
            };
            if selection.is_on(unused.code) && entries.iter().any(is_unused) {
                found.push(unused_finding(text, directive, entries, is_unused));
            }
        }
        // A blanket suppression would always take these back, and a comment that is not used would say nothing.
        found.retain(|found| {
            let named = |directive: &Directive| {
                directive.entries.iter().flatten().any(|entry| {
                    entry.rule.is_some_and(|rule| rule.code == found.code)
                        && (directive.kind == Kind::File
                            || directive.line == found.location.start.line)
                })
            };
            !self.directives.iter().any(named)
        });
        found
    }
}

/// Whether a comment for every rule takes nothing back. One of `noqa` is as much for other tools; and when no rule is on
/// but those about comments, there was nothing to take back.
fn is_unused_blanket(
    directive: &Directive,
    selection: &Selection,
    judge: impl Fn(&Rule) -> bool,
) -> bool {
    let mut rules = selection.rules().filter(|rule| !is_about_comments(rule));
    directive.kind != Kind::Noqa
        && !directive.used.get()
        && rules.next().is_some_and(&judge)
        && rules.all(judge)
}

fn unused_finding(
    text: &Text,
    directive: &Directive,
    entries: &[Entry],
    is_unused: impl Fn(&Entry) -> bool,
) -> Diagnostic {
    let names: Vec<String> = entries
        .iter()
        .filter(|entry| is_unused(entry))
        .map(|entry| format!("`{}`", text.slice(entry.range)))
        .collect();
    let message = match names.as_slice() {
        [] => String::from("Suppression of all rules is not used"),
        [one] => format!("Suppression of {one} is not used"),
        several => format!("Suppressions of {} are not used", several.join(", ")),
    };
    let kept: Vec<&str> = entries
        .iter()
        .filter(|entry| !is_unused(entry))
        .map(|entry| text.slice(entry.range))
        .collect();
    let (title, edit) = match (kept.as_slice(), entries) {
        ([], _) | (_, []) => ("Remove the comment", removal(text, directive)),
        (kept, [first, .., last]) => {
            let range = TextRange::new(first.range.start(), last.range.end());
            (
                "Remove what is not used",
                Edit::replace(range, kept.join(", ")),
            )
        }
        // One entry, which is not used, leaves nothing to keep.
        (_, [_]) => ("Remove the comment", removal(text, directive)),
    };
    let mut finding = diagnostic(
        text,
        &rules::unused_suppression::RULE,
        directive.range,
        message,
    );
    finding.fix = Some(Fix::safe(title, vec![edit]));
    if directive.kind == Kind::Line && is_alone(text, directive.comment) {
        finding.help = Some(String::from("put it at the end of the line that it is for"));
    }
    finding
}

/// Take an instruction out of its comment, and the comment with it when nothing else is in it.
fn removal(text: &Text, directive: &Directive) -> Edit {
    let comment = directive.comment;
    let before = text.slice(TextRange::new(comment.start(), directive.range.start()));
    let after = text.slice(TextRange::new(directive.range.end(), comment.end()));
    let rest = after.trim_start();
    let rest_start = comment.end() - TextSize::of(rest);
    if !rest.is_empty() {
        let start = directive.range.start();
        let hash = if rest.starts_with('#') { "" } else { "# " };
        return Edit::replace(TextRange::new(start, rest_start), hash);
    }
    if !before.trim().is_empty() {
        let start = comment.start() + TextSize::of(before.trim_end());
        return Edit::replace(TextRange::new(start, comment.end()), "");
    }
    let line = text
        .lines
        .line_range(text.lines.line_index(comment.start()), &text.text);
    if is_alone(text, comment) {
        return Edit::replace(line, "");
    }
    let code = text.slice(TextRange::new(line.start(), comment.start()));
    let start = line.start() + TextSize::of(code.trim_end());
    Edit::replace(TextRange::new(start, comment.end()), "")
}

/// Whether a comment has its line for itself.
fn is_alone(text: &Text, comment: TextRange) -> bool {
    let line = text
        .lines
        .line_range(text.lines.line_index(comment.start()), &text.text);
    text.slice(TextRange::new(line.start(), comment.start()))
        .trim_start_matches('\u{feff}')
        .trim()
        .is_empty()
}

fn diagnostic(text: &Text, rule: &Rule, range: TextRange, message: String) -> Diagnostic {
    Diagnostic {
        code: rule.code.to_owned(),
        name: rule.name.to_owned(),
        location: text.location(range),
        range: (range.start().into(), range.end().into()),
        message,
        related: Vec::new(),
        also: Vec::new(),
        function: None,
        notes: Vec::new(),
        help: None,
        fix: None,
        cause: None,
    }
}

/// The rules of this file: whether their suppressions are used is not asked, it would have no end.
fn is_about_comments(rule: &Rule) -> bool {
    rule.code == rules::unused_suppression::RULE.code
        || rule.code == rules::unknown_rule_in_suppression::RULE.code
}

/// What stands after a `#`, when it is an instruction for us.
#[derive(Debug, PartialEq, Eq)]
struct Parsed<'a> {
    kind: Kind,
    /// Where each name starts.
    entries: Option<Vec<(usize, &'a str)>>,
    /// Where the instruction ends.
    end: usize,
}

fn parse(rest: &str) -> Option<Parsed<'_>> {
    let body = rest.trim_start();
    let at = rest.len() - body.len();
    if let Some(body) = strip_prefix_ignoring_case(body, "riata:") {
        let body = body.trim_start();
        let (kind, after) = if let Some(after) = body.strip_prefix("ignore-file") {
            (Kind::File, after)
        } else {
            (Kind::Line, body.strip_prefix("ignore")?)
        };
        let word = after
            .chars()
            .next()
            .is_some_and(|next| next.is_alphanumeric() || "-_".contains(next));
        if word {
            return None;
        }
        let end = rest.len() - after.len();
        let Some(list) = after.trim_start().strip_prefix('[') else {
            return Some(Parsed {
                kind,
                entries: None,
                end,
            });
        };
        let list_start = rest.len() - list.len();
        let (list, end) = match list.find(']') {
            Some(close) => (&list[..close], list_start + close + 1),
            None => (list.trim_end(), list_start + list.trim_end().len()),
        };
        let entries = words(list)
            .map(|(at, name)| (list_start + at, name))
            .collect();
        return Some(Parsed {
            kind,
            entries: Some(entries),
            end,
        });
    }
    let after = strip_prefix_ignoring_case(body, "noqa")?;
    let end = at + "noqa".len();
    let word = after
        .chars()
        .next()
        .is_some_and(|next| next.is_alphanumeric() || "-_".contains(next));
    if word {
        return None;
    }
    let Some(list) = after.trim_start().strip_prefix(':') else {
        return Some(Parsed {
            kind: Kind::Noqa,
            entries: None,
            end,
        });
    };
    let list_start = rest.len() - list.len();
    // The codes end where other text starts: `# noqa: RIA101 it is only a test`.
    let entries: Vec<(usize, &str)> = words(list)
        .take_while(|(_, word)| is_code(word))
        .map(|(at, code)| (list_start + at, code))
        .collect();
    let end = entries
        .last()
        .map_or(list_start, |(at, code)| at + code.len());
    // `# noqa:` and no code after it means nothing, as in ruff.
    Some(Parsed {
        kind: Kind::Noqa,
        entries: Some(entries),
        end,
    })
}

/// The words of a list with where they start.
fn words(list: &str) -> impl Iterator<Item = (usize, &str)> {
    list.split([',', ' ', '\t'])
        .filter(|word| !word.is_empty())
        .map(move |word| {
            // Both are parts of one allocation.
            (word.as_ptr() as usize - list.as_ptr() as usize, word)
        })
}

/// `E501`: capital letters, then digits.
fn is_code(word: &str) -> bool {
    let digits = word.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
    digits.len() < word.len()
        && !digits.is_empty()
        && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// What is found here of what rules of flake8-async and of ruff find.
fn same_elsewhere(code: &str) -> &'static [&'static str] {
    match code {
        "ASYNC102" => &["RIA604"],
        "ASYNC103" | "ASYNC104" => &["RIA601", "RIA602"],
        "ASYNC119" => &["RIA504"],
        "ASYNC210" | "ASYNC212" | "ASYNC220" | "ASYNC221" | "ASYNC222" | "ASYNC250"
        | "ASYNC251" => &["RIA101"],
        "ASYNC230" | "ASYNC231" | "ASYNC240" => &["RIA103", "RIA106"],
        "ASYNC300" | "RUF006" => &["RIA301"],
        _ => &[],
    }
}

fn is_our_code(word: &str) -> bool {
    word.starts_with("RIA") && is_code(word)
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

fn contains_noqa(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr2_iter(b'q', b'Q', bytes).any(|at| {
        at.checked_sub(2)
            .and_then(|start| bytes.get(start..start + 4))
            .is_some_and(|word| word.eq_ignore_ascii_case(b"noqa"))
    })
}

/// The first and last lines of strings that go over several lines, and of lines that end in a backslash.
fn joined_lines(text: &Text) -> Vec<(usize, usize)> {
    let mut joined: Vec<(usize, usize)> = Vec::new();
    let mut join = |range: TextRange| {
        let (first, last) = (
            text.position(range.start()).line,
            text.position(range.end()).line,
        );
        if first == last {
            return;
        }
        match joined.last_mut() {
            Some(before) if before.1 >= first => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    };
    let mut end = TextSize::default();
    let mut open: Vec<TextSize> = Vec::new();
    for token in text.parsed().tokens() {
        let gap = TextRange::new(end.min(token.start()), token.start());
        if text.slice(gap).contains('\\') {
            join(gap);
        }
        match token.kind() {
            TokenKind::String => join(token.range()),
            TokenKind::FStringStart | TokenKind::TStringStart => open.push(token.start()),
            TokenKind::FStringEnd | TokenKind::TStringEnd => {
                // Those inside of another lie between its ends.
                if let Some(start) = open.pop()
                    && open.is_empty()
                {
                    join(TextRange::new(start, token.end()));
                }
            }
            _ => {}
        }
        end = token.end();
    }
    joined
}

/// The name or code of a rule that is most like a word, when one is.
fn nearest(word: &str) -> Option<&'static str> {
    rules::RULES
        .iter()
        .flat_map(|rule| [rule.code, rule.name])
        .map(|name| (strsim::levenshtein(word, name), name))
        .filter(|(distance, name)| *distance <= name.len() / 5 + 1)
        .min()
        .map(|(_, name)| name)
}

fn size(bytes: usize) -> TextSize {
    TextSize::try_from(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Kind, parse};

    fn check(rest: &str, expected: Option<(Kind, Option<&[&str]>, &str)>) {
        let parsed = parse(rest).map(|parsed| {
            let entries: Option<Vec<&str>> = parsed
                .entries
                .map(|entries| entries.into_iter().map(|(_, name)| name).collect());
            (parsed.kind, entries, &rest[parsed.end..])
        });
        let expected =
            expected.map(|(kind, entries, rest)| (kind, entries.map(<[&str]>::to_vec), rest));
        assert_eq!(parsed, expected, "{rest}");
    }

    #[test]
    fn instructions_are_read_as_written() {
        check(" riata: ignore", Some((Kind::Line, None, "")));
        check("riata:ignore because", Some((Kind::Line, None, " because")));
        check(
            " riata: ignore[RIA101, a-name] x",
            Some((Kind::Line, Some(&["RIA101", "a-name"]), " x")),
        );
        check(
            " riata: ignore [RIA101",
            Some((Kind::Line, Some(&["RIA101"]), "")),
        );
        check(" riata: ignore[]", Some((Kind::Line, Some(&[]), "")));
        check(" riata: ignore-file", Some((Kind::File, None, "")));
        check(
            " riata: ignore-file[RIA101]",
            Some((Kind::File, Some(&["RIA101"]), "")),
        );
        check(" riata: ignored", None);
        check(" riata: ignore-files", None);
        check(" riata: blocks", None);
        check(" noqa", Some((Kind::Noqa, None, "")));
        check("NOQA why", Some((Kind::Noqa, None, " why")));
        check(
            " noqa: RIA101,E501",
            Some((Kind::Noqa, Some(&["RIA101", "E501"]), "")),
        );
        check(
            " noqa : RIA101 E501 why",
            Some((Kind::Noqa, Some(&["RIA101", "E501"]), " why")),
        );
        check(" noqa: why", Some((Kind::Noqa, Some(&[]), " why")));
        check(" noqas", None);
        check(" flake8: noqa", None);
        check(" ruff: noqa", None);
        check(" nö", None);
    }
}
