use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::annotations::last_name;
use crate::checker::{Checker, Report};
use crate::diagnostic::{Edit, Fix};
use crate::lost::{Lost, called, dropped, lost};
use crate::rules::rule;
use crate::rules::wrong_mock::imports_mock;

rule! {
    /// ## What it does
    /// Finds assertions of a test that are async and are not awaited: helpers named `assert…` or `expect…`, and Playwright's `expect(…).to_…()`.
    /// Also assertions about what was awaited that are not called (`mock.assert_awaited_once`), or are no assertions
    /// (`mock.awaited_once()`).
    ///
    /// ## Why is this bad?
    /// Nothing is asserted. The test passes whatever the code does.
    ///
    /// ## Example
    /// ```python
    /// async def test_title(page):
    ///     expect(page).to_have_title("Home")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def test_title(page):
    ///     await expect(page).to_have_title("Home")
    /// ```
    ///
    /// ## Fix safety
    /// The fix adds `await`, or calls the assertion. It is unsafe: the assertion may fail.
    ///
    /// ## False alarms known
    /// None.
    "RIA902", "assertion-never-awaited", default: true, fix: Unsafe,
    hooks: [Stmt(check)],
}

/// `mock.assert_awaited_once` without a call, and names that a mock has an attribute for and no assertion.
fn of_mock(checker: &Checker<'_>, stmt: &Stmt) {
    const ASSERTIONS: &[&str] = &[
        "assert_awaited",
        "assert_awaited_once",
        "assert_not_awaited",
    ];
    const WITH_ARGUMENTS: &[&str] = &[
        "assert_awaited_with",
        "assert_awaited_once_with",
        "assert_any_await",
        "assert_has_awaits",
    ];
    let (value, asserted) = match stmt {
        Stmt::Expr(statement) => (&*statement.value, false),
        Stmt::Assert(statement) => (&*statement.test, true),
        _ => return,
    };
    match value {
        Expr::Attribute(attribute) => {
            let name = attribute.attr.as_str();
            let takes_none = ASSERTIONS.contains(&name);
            if !takes_none && !WITH_ARGUMENTS.contains(&name) {
                return;
            }
            let source = checker.context.source(value);
            let message = format!("Assertion `{source}` is not called and asserts nothing");
            let report = Report::new(&RULE, value, message);
            checker.report(if takes_none && !asserted {
                let edit = Edit::insert(value.end(), "()");
                report.fix(Fix::risky("Call it", vec![edit]))
            } else {
                report.help(format!("call it: `{source}(…)`"))
            });
        }
        Expr::Call(call) => {
            let Expr::Attribute(attribute) = &*call.func else {
                return;
            };
            let assertion = format!("assert_{}", attribute.attr);
            let name = assertion.as_str();
            if !(ASSERTIONS.contains(&name) || WITH_ARGUMENTS.contains(&name))
                || !imports_mock(checker)
            {
                return;
            }
            let message = format!(
                "`{}` of a mock is no assertion, and true whatever was awaited",
                checker.context.source(&*call.func)
            );
            checker.report(Report::new(&RULE, value, message).help(format!("call `{assertion}`")));
        }
        _ => {}
    }
}

fn check(checker: &Checker<'_>, stmt: &Stmt) {
    of_mock(checker, stmt);
    let Stmt::Expr(statement) = stmt else { return };
    dropped(&statement.value, &mut |expr, call| {
        let is_lost = is_playwright(checker, call)
            || (is_assertion(checker, call) && lost(checker, expr) == Some(Lost::Coroutine));
        if !is_lost {
            return;
        }
        let message = format!(
            "Assertion `{}` is never awaited and asserts nothing",
            called(checker, expr)
        );
        let mut report = Report::new(&RULE, expr, message);
        if checker.in_async() {
            report = report.fix(Fix::risky(
                "Await it",
                vec![Edit::insert(expr.start(), "await ")],
            ));
        }
        checker.report(report);
    });
}

/// Whether a call is named as assertions are.
pub(super) fn is_assertion(checker: &Checker<'_>, call: &ast::ExprCall) -> bool {
    is_playwright(checker, call)
        || last_name(&call.func).is_some_and(|name| {
            let name = name.trim_start_matches('_');
            name.starts_with("assert") || name.starts_with("expect_") || name == "expect"
        })
}

/// `expect(…).to_be_visible()` of Playwright's async interface.
fn is_playwright(checker: &Checker<'_>, call: &ast::ExprCall) -> bool {
    let Expr::Attribute(attribute) = &*call.func else {
        return false;
    };
    let Expr::Call(expect) = &*attribute.value else {
        return false;
    };
    (attribute.attr.starts_with("to_") || attribute.attr.starts_with("not_to_"))
        && checker.dotted(&expect.func).as_deref() == Some("playwright.async_api.expect")
}
