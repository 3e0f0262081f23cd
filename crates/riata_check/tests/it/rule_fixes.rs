//! What the fixes of each rule make of its test file.
//!
//! The snapshots show every edit; what can be said of all fixes is asserted.

use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::Ranged as _;

use riata_check::files::find;
use riata_check::settings::DEFAULT_PYTHON_VERSION;
use riata_check::{Session, Settings};
use riata_check::diagnostic::{Applicability, Diagnostic};
use riata_check::fix::{Change, fix};
use riata_check::rules::{FixKind, RULES, Rule};

use crate::rules::{settings, test_file};

#[test]
fn fixes_are_as_they_are_declared() {
    let mut wrong = Vec::new();
    for rule in RULES {
        let found = run(rule, &mut session(rule));
        let mut given: Vec<Applicability> =
            found.iter().filter_map(|found| Some(found.fix.as_ref()?.applicability)).collect();
        given.dedup();
        let declared = match rule.fix {
            FixKind::None => vec![],
            FixKind::Safe => vec![Applicability::Safe],
            FixKind::Unsafe => vec![Applicability::Unsafe],
        };
        if given != declared {
            wrong.push(format!("{}: declared {declared:?}, in its test file {given:?}", rule.code));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn fixes_leave_nothing_to_fix_and_comments_alone() {
    let rules: Vec<&Rule> = RULES.iter().copied().filter(|rule| rule.fix != FixKind::None).collect();
    assert!(rules.len() >= 15, "only {} rules have a fix", rules.len());
    let mut wrong = Vec::new();
    for rule in rules {
        let path = test_file(rule);
        let mut session = session(rule);
        let before = run(rule, &mut session).len();
        let fixed = fix(&mut session, Applicability::Unsafe, |_, found| {
            found.retain(|found| found.code == rule.code);
        });
        let mut complain = |what: String| wrong.push(format!("{}: {what}", rule.code));
        for problem in &fixed.outcome.problems {
            complain(problem.message.clone());
        }
        let after = &fixed.outcome.diagnostics;
        for left in after.iter().filter(|found| found.fix.is_some()) {
            complain(format!("line {} still has a fix", left.location.start.line));
        }
        let mut diffs = String::new();
        let mut count = 0;
        for (file, change) in &fixed.changes {
            if !parses(&change.after) {
                complain(String::from("the result does not parse"));
            }
            // A suppression is a comment.
            if rule.code != "RIA001" && comments(&change.after) != comments(&change.before) {
                complain(String::from("comments are lost"));
            }
            count += change.count();
            let root = path.parent().expect("a file is in a folder");
            let name = file.strip_prefix(root).expect("it is of the test file").to_string_lossy();
            diffs.push_str(&shown(change, &name));
        }
        if after.len() + count != before {
            complain(format!("{before} findings, {count} fixed, and {} are left", after.len()));
        }
        insta::assert_snapshot!(rule.name.replace('-', "_"), diffs);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn session(rule: &Rule) -> Session {
    // `except*` came with Python 3.11; other fixes are for older ones.
    let python_version = if rule.code == "RIA606" { (3, 11) } else { DEFAULT_PYTHON_VERSION };
    let settings = Settings { python_version, ..settings(&test_file(rule), rule.code) };
    let (files, _) = find(&[test_file(rule)], &settings);
    Session::new(files, settings).expect("the settings are right")
}

fn run(rule: &Rule, session: &mut Session) -> Vec<Diagnostic> {
    let mut found = session.check().diagnostics;
    found.retain(|found| found.code == rule.code);
    found
}

/// The diff without the numbers of lines, so that a line that is added to a test file does not change all of it.
fn shown(change: &Change, name: &str) -> String {
    change.diff(name).lines().map(|line| if line.starts_with("@@") { "@@\n".to_owned() } else { format!("{line}\n") }).collect()
}

fn parses(text: &str) -> bool {
    parse_unchecked(text, ParseOptions::from(Mode::Module)).errors().is_empty()
}

/// The comments of a text, in order.
fn comments(text: &str) -> Vec<&str> {
    let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
    let tokens = parsed.tokens().iter().filter(|token| token.kind().is_comment());
    tokens.map(|token| &text[token.range()]).collect()
}
