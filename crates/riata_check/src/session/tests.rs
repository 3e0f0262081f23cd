//! What a session does about rules and types that go wrong, with rules that do.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ruff_python_ast::{self as ast, Expr};

use super::Session;
use crate::checker::{Checker, Hooks, Report};
use crate::diagnostic::{Applicability, Edit, Fix};
use crate::rules::{Rule, rule};
use crate::settings::Settings;

mod panics {
    use super::*;
    rule! {
        /// Panics at each call.
        "RIA991", "panics", default: true, fix: None, hooks: [Call(check)],
    }
    fn check(_: &Checker<'_>, call: &ast::ExprCall) {
        panic!("at {} arguments", call.arguments.len());
    }
}

mod endless {
    use super::*;
    rule! {
        /// Turns each `True` into `False`, and back.
        "RIA992", "endless", default: true, fix: Safe, hooks: [Expr(check)],
    }
    fn check(checker: &Checker<'_>, expr: &Expr) {
        let Expr::BooleanLiteral(literal) = expr else {
            return;
        };
        let other = if literal.value { "False" } else { "True" };
        let fix = Fix::safe("Turn it around", vec![Edit::replace(literal.range, other)]);
        checker.report(Report::new(&RULE, expr, "A truth").fix(fix));
    }
}

mod breaking {
    use super::*;
    rule! {
        /// Breaks the file.
        "RIA993", "breaking", default: true, fix: Safe, hooks: [Expr(check)],
    }
    fn check(checker: &Checker<'_>, expr: &Expr) {
        if expr.is_boolean_literal_expr() {
            use ruff_text_size::Ranged;
            let fix = Fix::safe("Break it", vec![Edit::replace(expr.range(), "(")]);
            checker.report(Report::new(&RULE, expr, "A truth").fix(fix));
        }
    }
}

mod slow {
    use super::*;
    rule! {
        /// Asks types the same again and again.
        "RIA994", "slow", default: true, fix: None, hooks: [Call(check)],
    }
    fn check(checker: &Checker<'_>, call: &ast::ExprCall) {
        while let Some(types) = &checker.context.types {
            types.value(&call.func);
        }
        checker.report(Report::new(&RULE, call, "A call without types"));
    }
}

mod stuck {
    use super::*;
    rule! {
        /// Does not notice that it is called off.
        "RIA995", "stuck", default: true, fix: None, hooks: [Call(check)],
    }
    fn check(checker: &Checker<'_>, call: &ast::ExprCall) {
        while checker.context.types.is_some() {
            std::thread::sleep(Duration::from_millis(5));
        }
        checker.report(Report::new(&RULE, call, "A call without types"));
    }
}

/// A session of one file, with its own rules, and with what removes the file.
struct OneFile {
    session: Session,
    path: PathBuf,
}

impl OneFile {
    fn new(name: &str, text: &str, rules: &[&'static Rule]) -> Self {
        let root =
            std::env::temp_dir().join(format!("riata-session-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&root).expect("the temporary folder can be written to");
        let path = root.join("main.py");
        std::fs::write(&path, text).expect("as above");
        let settings = Settings::new(root);
        let mut session =
            Session::new(vec![path.clone()], settings).expect("the settings are right");
        session.hooks = Arc::new(vec![Hooks::new(rules.iter().copied())]);
        Self { session, path }
    }
}

impl Drop for OneFile {
    fn drop(&mut self) {
        if let Some(root) = self.path.parent() {
            // Nothing depends on it.
            let _ = std::fs::remove_dir_all(root);
        }
    }
}

#[test]
fn a_rule_that_panics_ends_nothing_else() {
    let rules = [&panics::RULE, &endless::RULE];
    let one = OneFile::new(
        "panics",
        "async def f():\n    g(1)\n    return True\n",
        &rules,
    );
    let outcome = one.session.check();
    let problems: Vec<&str> = outcome
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert!(
        matches!(problems[..], [one] if one.starts_with("rule `panics` failed: at 1 arguments")),
        "{problems:?}"
    );
    assert_eq!(outcome.problems[0].path, one.path);
    assert_eq!(outcome.diagnostics.len(), 1);
}

#[test]
fn fixes_that_undo_each_other_come_to_an_end() {
    let mut one = OneFile::new(
        "endless",
        "x = True  # of an async file\n",
        &[&endless::RULE],
    );
    let fixed = crate::fix::fix(&mut one.session, Applicability::Safe, |_, _| {});
    let said = &fixed.outcome.problems[0].message;
    let expected =
        "after 100 rounds of fixes there is still something to fix (RIA992); please report this";
    assert_eq!(said, expected);
    assert_eq!(fixed.outcome.problems.len(), 1);
}

#[test]
fn a_fix_that_breaks_the_file_is_left_out() {
    let rules = [&breaking::RULE];
    let mut one = OneFile::new(
        "breaking",
        "async_x = True\ny = 1  # noqa: RIA101\n",
        &rules,
    );
    let fixed = crate::fix::fix(&mut one.session, Applicability::Safe, |_, _| {});
    assert_eq!(
        fixed.outcome.problems[0].message,
        "a fix of RIA993 would break the file, and was left out"
    );
    assert_eq!(fixed.outcome.problems.len(), 1);
    // The other one is applied.
    assert_eq!(fixed.changes[&one.path].after, "async_x = True\ny = 1\n");
}

#[test]
fn a_file_that_takes_types_too_long_is_checked_without_them() {
    let text = "async def f():\n    g(1)\n    return True  # noqa: RIA102\n";
    let mut one = OneFile::new("slow", text, &[&slow::RULE, &endless::RULE]);
    one.session.time_limit = Duration::from_millis(200);
    for _ in 0..2 {
        let start = Instant::now();
        let outcome = one.session.check();
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(outcome.problems, []);
        let codes: Vec<&str> = outcome
            .diagnostics
            .iter()
            .map(|found| found.code.as_str())
            .collect();
        assert_eq!(codes, ["RIA994", "RIA992"]);
        let notices: Vec<&str> = outcome
            .notices
            .iter()
            .map(|notice| notice.message.as_str())
            .collect();
        assert_eq!(
            notices,
            ["types took longer than 0.2 s; checked without them"]
        );
    }
    // Types are as good as before.
    one.session.hooks = Arc::new(vec![Hooks::new([&endless::RULE as &'static Rule])]);
    let outcome = one.session.check();
    assert!(outcome.notices.is_empty());
    assert_eq!(outcome.diagnostics.len(), 2);
}

#[test]
fn a_thread_that_is_stuck_is_left_behind() {
    let mut one = OneFile::new("stuck", "async def f():\n    g(1)\n", &[&stuck::RULE]);
    one.session.time_limit = Duration::from_millis(100);
    for text in ["async def f():\n    g(1)\n", "async def f():\n    g(2)\n"] {
        one.session.set_text(&one.path.clone(), text.to_owned());
        let outcome = one.session.check();
        assert_eq!(outcome.problems, []);
        assert_eq!(outcome.diagnostics.len(), 1);
        let notices: Vec<&str> = outcome
            .notices
            .iter()
            .map(|notice| notice.message.as_str())
            .collect();
        assert_eq!(
            notices,
            ["types took longer than 0.1 s; checked without them"]
        );
    }
}
