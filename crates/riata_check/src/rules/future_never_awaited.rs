use ruff_python_ast::Stmt;
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::diagnostic::{Edit, Fix};
use crate::lost::{called, dropped, is_expected_to_fail};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds futures that an async function makes and drops: of `asyncio.gather`, `shield`, `wrap_future` and
    /// `loop.run_in_executor`.
    ///
    /// ## Why is this bad?
    /// The function goes on before the work is done, and nobody sees whether it failed.
    ///
    /// ## Example
    /// ```python
    /// async def save(loop, data):
    ///     loop.run_in_executor(None, write, data)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def save(loop, data):
    ///     await loop.run_in_executor(None, write, data)
    /// ```
    ///
    /// ## Fix safety
    /// The fix adds `await`. It is unsafe: the function waits for the work.
    ///
    /// ## False alarms known
    /// Work that shall go on in the background and whose failure does not matter.
    "RIA204", "future-never-awaited", default: true, fix: Unsafe,
    hooks: [Stmt(check)],
}

fn check(checker: &Checker<'_>, stmt: &Stmt) {
    let Stmt::Expr(statement) = stmt else { return };
    if !checker.in_async() {
        return;
    }
    dropped(&statement.value, &mut |expr, call| {
        let Some(name) = checker.callee_name(call) else {
            return;
        };
        let is_future = matches!(
            name.as_str(),
            "asyncio.gather" | "asyncio.shield" | "asyncio.wrap_future"
        ) || name.ends_with("Loop.run_in_executor");
        if !is_future || is_expected_to_fail(checker) {
            return;
        }
        let message = format!("Future of `{}` is never awaited", called(checker, expr));
        checker.report(Report::new(&RULE, expr, message).fix(Fix::risky(
            "Await it",
            vec![Edit::insert(expr.start(), "await ")],
        )));
    });
}
