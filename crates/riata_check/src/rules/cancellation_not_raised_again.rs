use ruff_python_ast as ast;

use crate::cancellation::swallows;
use crate::checker::{Checker, Report};
use crate::rules::{cancellation_swallowed, own_cancellation_swallowed, rule};

rule! {
    /// ## What it does
    /// Finds every handler that catches a cancellation and does not raise it again, whatever the function does after it, and every
    /// `suppress(CancelledError)` around an `await`. Off by default: `cancellation-swallowed` and `own-cancellation-swallowed`
    /// report those that certainly do harm, and this rule what they leave out.
    ///
    /// ## Why is this bad?
    /// A cancelled task that ends as if it were done looks done: a `TaskGroup`, `asyncio.timeout` and `wait_for` count on the
    /// `CancelledError` that they asked for. A handler that is harmless at the end of a task's function is not any more when somebody
    /// calls the function from elsewhere, or adds an `await` after it.
    ///
    /// ## Example
    /// ```python
    /// async def watch(self):
    ///     try:
    ///         await self.poll_for_ever()
    ///     except asyncio.CancelledError:
    ///         self.log("stopped")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def watch(self):
    ///     try:
    ///         await self.poll_for_ever()
    ///     except asyncio.CancelledError:
    ///         self.log("stopped")
    ///         raise
    /// ```
    ///
    /// ## False alarms known
    /// The outermost function of a task that nobody waits for, and clean-up that waits for a task which it has just cancelled.
    "RIA611", "cancellation-not-raised-again", default: false, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, _: &ast::StmtFunctionDef) {
    let Some(function) = checker.function().filter(|function| function.is_async) else {
        return;
    };
    for found in swallows(&checker.context, checker.scope()) {
        // One that handles everything hands the error on in some way or other.
        let by_the_way = !found.explicit && (found.used || found.handler.is_none());
        if by_the_way
            || cancellation_swallowed::does_harm(checker, function, &found).is_some()
            || own_cancellation_swallowed::does_harm(checker, function, &found)
        {
            continue;
        }
        checker.report(
            Report::new(
                &RULE,
                found.at,
                "A cancellation is caught and not raised again",
            )
            .related(checker, found.suspension, "it arrives here")
            .help("`raise` it at the end of the handler"),
        );
    }
}
