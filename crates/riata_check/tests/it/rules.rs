//! One file for each rule, in `resources/rules`, with what is expected on the line itself: `# error: RIA101`.
//! A rule that needs more than one module has a folder instead.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use riata_check::files::find;
use riata_check::rules::{RULES, Rule, Selection};
use riata_check::{Session, Settings};

#[test]
fn every_rule_says_what_its_test_file_expects() {
    let mut failures = String::new();
    for rule in RULES {
        let path = test_file(rule);
        assert!(path.exists(), "`{}` has no test file {}", rule.name, path.display());
        let expected = expected(&path);
        assert!(
            expected.iter().any(|(_, _, code)| code == rule.code),
            "{} expects no {}",
            path.display(),
            rule.code
        );
        let found = found(&path, rule.code);
        for (file, line, code) in expected.difference(&found) {
            writeln!(failures, "{}:{line}: expected {code}", file.display()).expect("a string");
        }
        for (file, line, code) in found.difference(&expected) {
            writeln!(failures, "{}:{line}: unexpected {code}", file.display()).expect("a string");
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

/// The test file of a rule, or the folder.
pub(crate) fn test_file(rule: &Rule) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("resources/rules");
    let name = rule.name.replace('-', "_");
    let file = folder.join(format!("{name}.py"));
    if file.is_file() { file } else { folder.join(&name) }
}

type Expectations = BTreeSet<(PathBuf, usize, String)>;

fn expected(path: &Path) -> Expectations {
    let mut all = Expectations::new();
    let files = if path.is_dir() { python_files(path) } else { vec![path.to_path_buf()] };
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a test file can be read");
        for (index, line) in text.lines().enumerate() {
            if let Some((_, codes)) = line.split_once("# error: ") {
                for code in codes.split([',', ' ']).filter(|code| code.starts_with("RIA")) {
                    all.insert((file.clone(), index + 1, code.to_owned()));
                }
            }
        }
    }
    all
}

fn python_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            found.extend(python_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "py") {
            found.push(path);
        }
    }
    found
}

/// For a run of one rule over its test file.
pub(crate) fn settings(path: &Path, code: &str) -> Settings {
    let root = if path.is_dir() { path } else { path.parent().expect("a file is in a folder") };
    let suppressed = [String::from("RIA101")];
    Settings {
        // Findings about suppressions need something that is suppressed.
        selection: Selection::new(
            Some(&[code.to_owned()]),
            if code.starts_with("RIA00") { &suppressed } else { &[] },
            &[],
        )
        .expect("a rule"),
        ..Settings::new(root.to_path_buf())
    }
}

fn found(path: &Path, code: &str) -> Expectations {
    // Each finding counts, also those that a report makes one of.
    let settings = settings(path, code);
    let (files, _) = find(&[path.to_path_buf()], &settings);
    let outcome = Session::new(files, settings).expect("the settings are right").check();
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    outcome
        .diagnostics
        .into_iter()
        .filter(|found| found.code == code)
        .map(|found| (found.location.path, found.location.start.line, found.code))
        .collect()
}
