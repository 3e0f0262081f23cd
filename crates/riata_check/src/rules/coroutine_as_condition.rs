use ruff_python_ast::{AnyNodeRef, Expr};

use crate::checker::{Checker, Report};
use crate::lost::{Lost, Use, add_await, called, lost, used};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds coroutines in a truth test: in `if`, `while`, `assert`, `not`, `and`, `or` and comparisons.
    ///
    /// ## Why is this bad?
    /// A coroutine is always true and equal to nothing. The test is decided before the function has run: a check of permissions
    /// that lets everybody in, a loop that never ends.
    ///
    /// ## Example
    /// ```python
    /// async def read(user, job):
    ///     if not may_read(user, job):  # an `async def` function
    ///         raise PermissionError
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def read(user, job):
    ///     if not await may_read(user, job):
    ///         raise PermissionError
    /// ```
    ///
    /// ## Fix safety
    /// The fix adds `await`. It is unsafe: the other branch may never have run before.
    ///
    /// ## False alarms known
    /// None.
    "RIA202", "coroutine-as-condition", default: true, fix: Unsafe,
    hooks: [Expr(check)],
}

fn check(checker: &Checker<'_>, expr: &Expr) {
    if !matches!(expr, Expr::Call(_) | Expr::Name(_)) {
        return;
    }
    let how = match used(checker, expr) {
        Use::Tested => "tested for truth",
        Use::Compared => "compared",
        Use::Argument(call)
            if super::coroutine_as_value::builtin(checker, call) == Some("bool") =>
        {
            "tested for truth"
        }
        _ => return,
    };
    let Some(lost) = lost(checker, expr) else {
        return;
    };
    // Two futures may be compared, and `a and (task := …)` asks whether there is one.
    if matches!(lost, Lost::Task | Lost::Future)
        && (how == "compared" || matches!(checker.parent(), Some(AnyNodeRef::ExprNamed(_))))
    {
        return;
    }
    let message = format!(
        "`{}` is {} that is {how}, not its result",
        called(checker, expr),
        lost.article()
    );
    let mut report = Report::new(&RULE, expr, message);
    match add_await(checker, expr) {
        Some(fix) => report = report.fix(fix),
        None => report = report.help("await it in an async function"),
    }
    checker.report(report);
}
