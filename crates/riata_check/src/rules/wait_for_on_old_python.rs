use ruff_python_ast::{self as ast, Expr};

use crate::checker::{Checker, Report};
use crate::rules::{rule, wait_for_swallows_cancellation};

rule! {
    /// ## What it does
    /// Finds `asyncio.wait_for` with a time limit in projects that support a Python older than 3.12. Off by default:
    /// `wait-for-swallows-cancellation` reports those where something is lost that must be given back.
    ///
    /// ## Why is this bad?
    /// Before Python 3.12, `wait_for` runs what it waits for in a task of its own, and there is a moment in which the cancellation of
    /// the caller is lost: what was waited for is done, the caller goes on, and whoever cancelled it waits for its end. It takes
    /// load to see it, and then a service that does not shut down.
    ///
    /// ## Example
    /// ```python
    /// answer = await asyncio.wait_for(self.ask(question), timeout=5)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async with asyncio.timeout(5):  # Python 3.11; or `async_timeout.timeout`
    ///     answer = await self.ask(question)
    /// ```
    ///
    /// ## False alarms known
    /// Code that nobody ever cancels.
    "RIA505", "wait-for-on-old-python", default: false, fix: None,
    hooks: [Call(check)],
}

fn check(checker: &Checker<'_>, call: &ast::ExprCall) {
    if checker.context.python_version() >= (3, 12)
        || checker.callee_name(call).as_deref() != Some("asyncio.wait_for")
        || !checker.in_async()
        || wait_for_swallows_cancellation::is_reported(checker, call)
    {
        return;
    }
    let timeout = call.arguments.find_argument_value("timeout", 1);
    if timeout.is_none_or(Expr::is_none_literal_expr) {
        return;
    }
    checker.report(
        Report::new(
            &RULE,
            call,
            "`asyncio.wait_for` may lose a cancellation before Python 3.12",
        )
        .help("use `async with asyncio.timeout(…)`, or `async_timeout` before Python 3.11"),
    );
}
