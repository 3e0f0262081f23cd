use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::blocking::asks_where_it_runs;
use crate::checker::{Checker, Report};
use crate::reach::{Goal, is_guarded, knows_about_loops};
use crate::rules::{event_loop_outside_coroutine, rule};
use crate::uses;

rule! {
    /// ## What it does
    /// Finds every `asyncio.get_event_loop` in a function that is not async, unless it looks whether a loop runs or handles that
    /// none does. Off by default: `event-loop-outside-coroutine` reports those where certainly none runs.
    ///
    /// ## Why is this bad?
    /// It works where a coroutine calls the function. Where none runs, Python 3.12 warns and Python 3.14 raises "There is no current
    /// event loop", often in the `__init__` of something that is made before the loop is started. And a loop that was got in
    /// time may not be the one that runs later.
    ///
    /// ## Example
    /// ```python
    /// class Server:
    ///     def __init__(self):
    ///         self.loop = asyncio.get_event_loop()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// class Server:
    ///     async def serve(self):
    ///         self.loop = asyncio.get_running_loop()
    /// ```
    ///
    /// ## False alarms known
    /// Functions that are only called where a loop runs; `asyncio.get_running_loop` says so.
    "RIA412", "get-event-loop-in-sync-code", default: false, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if function.is_async
        || asks_where_it_runs(&function.body)
        || knows_about_loops(&function.body, Goal::AsksForLoop)
    {
        return;
    }
    let reported = event_loop_outside_coroutine::in_function(checker, function);
    uses::exprs(&function.body, false, &mut |expr| {
        let Expr::Call(call) = expr else { return };
        if checker.callee_name(call).as_deref() != Some("asyncio.get_event_loop")
            || is_guarded(&function.body, call.range())
            || reported.iter().any(|get| get.range() == call.range())
        {
            return;
        }
        checker.report(
            Report::new(
                &RULE,
                call,
                "`asyncio.get_event_loop` raises here when no event loop runs",
            )
            .help("use `asyncio.get_running_loop` in a coroutine"),
        );
    });
}
