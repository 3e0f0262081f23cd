use ruff_python_ast as ast;

use crate::cancellation::{After, Awaits, Swallow, swallows};
use crate::checker::{Checker, Report};
use crate::flow::{Flow, Repeats, What};
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds `except CancelledError` (or `suppress`) around the await of another task, when the function does not look whose
    /// cancellation it caught, and goes on.
    ///
    /// ## Why is this bad?
    /// `await task` raises `CancelledError` in two cases: the awaited task was cancelled, or the task that waits was. The
    /// handler means the first and swallows the second, too. A timeout or a shutdown that cancels this function at that very moment
    /// has no effect.
    ///
    /// ## Example
    /// ```python
    /// async def close(self):
    ///     self._task.cancel()
    ///     with suppress(asyncio.CancelledError):
    ///         await self._task
    ///     await self._connection.close()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def close(self):
    ///     self._task.cancel()
    ///     await asyncio.wait([self._task])  # raises only when this task is cancelled
    ///     await self._connection.close()
    /// ```
    ///
    /// or ask in the handler: `if asyncio.current_task().cancelling(): raise`.
    ///
    /// Not reported: a function that has nothing more to await when it has cancelled a task and waited for it.
    ///
    /// ## False alarms known
    /// A task that is certainly done by then.
    "RIA602", "own-cancellation-swallowed", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, _: &ast::StmtFunctionDef) {
    let Some(function) = checker.function() else {
        return;
    };
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    for found in swallows(context, checker.scope()) {
        if !does_harm(checker, function, &found) {
            continue;
        }
        let mut report = Report::new(
            &RULE,
            found.at,
            "The function's own cancellation is swallowed with that of the task it awaits",
        )
        .related(checker, found.suspension, "either arrives here")
        .help(
            "use `asyncio.wait([task])`, or raise again if `asyncio.current_task().cancelling()`",
        );
        if let After::Awaits(range) = found.after {
            report = report.related(checker, range, "the function goes on to wait here");
        }
        checker.report(report);
    }
}

/// `run`, `start_consumer`, `_serve`: to be cancelled is how such a function ends.
fn runs_until_cancelled(name: &str) -> bool {
    let name = name.trim_start_matches('_');
    let first = name.split('_').next().unwrap_or(name);
    matches!(
        first,
        "run" | "start" | "serve" | "main" | "loop" | "listen" | "consume"
    )
}

/// Whether a caught cancellation may be the function's own, and it goes on after it.
pub(super) fn does_harm(
    checker: &Checker<'_>,
    function: &ast::StmtFunctionDef,
    found: &Swallow<'_>,
) -> bool {
    if found.awaits != Awaits::Tasks
        || found.cleaning
        || found.used
        || found.replaced
        || !found.explicit
    {
        return false;
    }
    let goes_on = match found.after {
        After::Loops | After::Awaits(_) => true,
        After::Breaks | After::Ends => false,
    };
    let context = &checker.context;
    let harmless = if found.cancels {
        !goes_on
    } else if uses::is_cleanup_name(function.name.as_str())
        && context.worker.is_spawned(function.name.as_str())
    {
        // A task that is there to close something does so whatever comes.
        true
    } else {
        !goes_on
            && (runs_until_cancelled(function.name.as_str())
                || context.worker.is_spawned(function.name.as_str()))
    };
    !harmless && !waits_otherwise(&context.flow(checker.scope()), &found.suspension)
}

/// The task is done already, or the loop around it waits until it is: `while not task.done()`.
fn waits_otherwise(flow: &Flow<'_>, suspension: &ruff_text_size::TextRange) -> bool {
    let Some(index) = flow.steps.iter().position(|step| match &step.what {
        What::Suspend(found) => found.range() == *suspension,
        _ => false,
    }) else {
        return false;
    };
    let by_loop = flow
        .loops(flow.steps[index].frame)
        .any(|(_, repeats)| match repeats {
            Repeats::While(found) => asks_done(&found.test),
            _ => false,
        });
    by_loop
        || flow.steps[..index].iter().any(|step| match step.what {
            What::Call(call) => match &*call.func {
                ast::Expr::Attribute(found) => matches!(found.attr.as_str(), "gather" | "wait"),
                ast::Expr::Name(found) => matches!(found.id.as_str(), "gather" | "wait"),
                _ => false,
            },
            _ => false,
        })
}

fn asks_done(test: &ast::Expr) -> bool {
    match test {
        ast::Expr::UnaryOp(found) => asks_done(&found.operand),
        ast::Expr::BoolOp(found) => found.values.iter().any(asks_done),
        ast::Expr::Call(found) => crate::locks::method_call(found, &["done"]).is_some(),
        _ => false,
    }
}
