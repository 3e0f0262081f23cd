//! Findings that are accepted for now, and those that are new.

use riata_check::baseline::Baseline;
use riata_check::diagnostic::Diagnostic;

use crate::project::{Project, lines};

const SLEEPS: &str =
    "import time\n\n\nasync def f():\n    time.sleep(1)\n    time.sleep(1)\n    time.sleep(2)\n";

fn hide(project: &Project, baseline: &Baseline) -> (Vec<Diagnostic>, usize) {
    let session = project.session();
    let mut found = session.check().diagnostics;
    let root = project.path("");
    let left = baseline.hide(&mut found, &root, session.files(), |path| {
        session.text(path).ok()
    });
    (found, left)
}

fn baseline(project: &Project) -> Baseline {
    let session = project.session();
    Baseline::new(&session.check().diagnostics, &project.path(""), |path| {
        session.text(path).ok()
    })
}

#[test]
fn what_is_in_a_baseline_is_hidden_wherever_it_moves() {
    let project = Project::new(&[("pkg/a.py", SLEEPS)]);
    let known = baseline(&project);
    assert_eq!(known.len(), 3);
    assert_eq!(hide(&project, &known), (vec![], 0));
    project.write(
        "pkg/a.py",
        format!(
            "# Moved.\n\n{}    time.sleep(1)\n",
            SLEEPS.replace("async def f():", "async def f():\n    if 1: pass")
        ),
    );
    let (found, left) = hide(&project, &known);
    assert_eq!((lines(&found), left), (vec![String::from("11: RIA101")], 0));
}

#[test]
fn what_is_no_longer_found_is_counted_for_checked_files() {
    let project = Project::new(&[("a.py", SLEEPS), ("b.py", SLEEPS), ("c.py", SLEEPS)]);
    let known = baseline(&project);
    project.write("a.py", SLEEPS.replace("    time.sleep(2)\n", ""));
    std::fs::remove_file(project.path("b.py")).expect("it is ours");
    assert_eq!(hide(&project, &known), (vec![], 4));
    let mut none = Vec::new();
    let left = known.hide(
        &mut none,
        &project.path(""),
        &[project.path("a.py")],
        |_| None,
    );
    assert_eq!(left, 3 + 3);
}

#[test]
fn a_baseline_is_the_same_text_each_time() {
    let project = Project::new(&[("b.py", SLEEPS), ("a/c.py", SLEEPS), ("d.py", "x = = 1\n")]);
    let path = project.path("baseline.json");
    baseline(&project).write(&path).expect("it can be written");
    let text = project.read("baseline.json");
    begins_as_expected(&text);
    let read = Baseline::read(&path).expect("it was just written");
    assert_eq!(read, baseline(&project));
    read.write(&path).expect("as above");
    assert_eq!(project.read("baseline.json"), text);
    let (found, left) = hide(&project, &read);
    assert_eq!((lines(&found), left), (vec![String::from("1: RIA000")], 0));
}

fn begins_as_expected(text: &str) {
    let first = r#"{
  "version": 1,
  "findings": [
    {
      "path": "a/c.py",
      "code": "RIA101",
      "message": "Async function calls `time.sleep`, which sleeps",
      "line": "time.sleep(1)",
      "count": 2
    },
"#;
    assert!(text.starts_with(first), "{text}");
}

#[test]
fn what_is_no_baseline_is_told_by_name() {
    let project = Project::new(&[]);
    let path = project.path("baseline.json");
    let error = Baseline::read(&path).expect_err("it is not there");
    assert!(
        error.starts_with(&format!("cannot read the baseline `{}`: ", path.display())),
        "{error}"
    );
    for (text, message) in [
        ("{", "is no baseline: EOF while parsing"),
        ("[]", "is no baseline: "),
        (
            "{\"version\": 1}",
            "is no baseline: missing field `findings`",
        ),
        (
            "{\"version\": 9, \"findings\": []}",
            "is a baseline of version 9, not 1",
        ),
    ] {
        project.write("baseline.json", text);
        let error = Baseline::read(&path).expect_err("it is wrong");
        assert!(
            error.starts_with(&format!("`{}` {message}", path.display())),
            "{error}"
        );
        assert!(
            error.ends_with("\nhint: `--write-baseline` makes a new one"),
            "{error}"
        );
    }
}
