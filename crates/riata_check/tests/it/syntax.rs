//! Files with syntax errors: each error is told, and what is certain beside them.

use crate::project::{Project, lines};

fn check(text: &str, expected: &[&str]) {
    let outcome = Project::new(&[("main.py", text)]).check();
    assert_eq!(outcome.problems, []);
    assert_eq!(
        lines(&outcome.diagnostics),
        expected,
        "{text}\n{:#?}",
        outcome.diagnostics
    );
    assert!(outcome.diagnostics.iter().all(|found| found.fix.is_none()));
}

const BLOCKING: &str = "async def main():\n    time.sleep(1)\n";

#[test]
fn each_error_is_told() {
    check("x = (\n", &["2: RIA000"]);
    check("x = = 1\ny = 1\nz = = 2\n", &["1: RIA000", "3: RIA000"]);
    check("print 'x'\n", &["1: RIA000"]);
    check("# riata: ignore-file\nx = = 1\n", &["2: RIA000"]);
    let outcome = Project::new(&[("main.py", "x = = 1\n")]).check();
    assert_eq!(outcome.diagnostics[0].message, "Expected an expression");
    assert_eq!(outcome.diagnostics[0].name, "syntax-error");
}

#[test]
fn what_is_far_from_an_error_is_checked() {
    check(
        &format!("import time\n\n{BLOCKING}\n\nx = 1\n\n\ny = = 1\n"),
        &["4: RIA101", "10: RIA000"],
    );
    check(
        &format!("import time\n{BLOCKING}    x = = 1\n"),
        &["4: RIA000"],
    );
    check(&format!("import time\n{BLOCKING}x = = 1\n"), &["4: RIA000"]);
    check(&format!("import time\nx = = 1\n{BLOCKING}"), &["2: RIA000"]);
}

#[test]
fn suppressions_beside_errors_are_not_called_unused() {
    check(
        "x = 1  # riata: ignore[RIA101]\n\n\n\n\ny = = 1\n",
        &["6: RIA000"],
    );
}
