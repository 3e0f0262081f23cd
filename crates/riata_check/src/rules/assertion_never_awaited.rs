use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::annotations::last_name;
use crate::checker::{Checker, Report};
use crate::diagnostic::{Edit, Fix};
use crate::lost::{Lost, called, dropped, lost};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds assertions of a test that are async and are not awaited: helpers named `assert…` or `expect…`, and Playwright's `expect(…).to_…()`.
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
    /// The fix adds `await`. It is unsafe: the assertion may fail.
    ///
    /// ## False alarms known
    /// None.
    "RIA902", "assertion-never-awaited", default: true, fix: Unsafe,
    hooks: [Stmt(check)],
}

fn check(checker: &Checker<'_>, stmt: &Stmt) {
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
