use ruff_python_ast as ast;

use crate::blocking::{Run, asks_where_it_runs};
use crate::body;
use crate::checker::{Checker, Report};
use crate::diagnostic::Related;
use crate::reach::{Goal, allows_nesting};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds `asyncio.run`, `loop.run_until_complete` and the like in an `async def`, and calls of synchronous functions that
    /// come to one at any depth.
    ///
    /// ## Why is this bad?
    /// A thread runs one event loop at a time: `asyncio.run` raises `RuntimeError: asyncio.run() cannot be called from a
    /// running event loop`. The function works from a script and fails as soon as something async calls it.
    ///
    /// ## Example
    /// ```python
    /// def answer(question):
    ///     return asyncio.run(ask(question))
    ///
    /// async def handle(request):
    ///     return answer(request.question)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def handle(request):
    ///     return await ask(request.question)
    /// ```
    ///
    /// or `await asyncio.to_thread(answer, request.question)` where only the synchronous form is there.
    ///
    /// ## False alarms known
    /// A function that looks whether a loop runs before it starts one is not followed, nor is anything in a module that
    /// imports `nest_asyncio`. What decides by an argument of its own is reported.
    "RIA407", "nested-event-loop", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let context = &checker.context;
    if !function.is_async
        || allows_nesting(context)
        || asks_where_it_runs(&function.body)
        || asks_whether_one_runs(function)
    {
        return;
    }
    body::events(context.names(), &function.body, checker.scope(), &mut |event| {
        if let Some((range, name)) = context.reaches(Goal::EntersLoop, event) {
            let message = format!("Async function calls `{name}`, but its event loop is running already");
            checker.report(Report::new(&RULE, range, message).help("await the coroutine"));
            return;
        }
        context.runs(event, &mut |range, run| {
            let Run::Function { def, name } = run else { return };
            let Some(links) = context.worker.reach(Goal::EntersLoop, def) else { return };
            let Some(end) = links.last() else { return };
            let message = format!(
                "Async function calls `{name}`, which comes to `{}` while the event loop is running",
                end.callee
            );
            let mut report = Report::new(&RULE, range, message)
                .help("await what it runs, or call it with `asyncio.to_thread`");
            report.related = links
                .iter()
                .map(|link| Related {
                    location: link.location.clone(),
                    message: format!("calls `{}`", link.callee),
                })
                .collect();
            checker.report(report);
        });
    });
}

/// `if loop.is_running()`: in an `async def` it always does, but what is written under it is meant for where it does not.
fn asks_whether_one_runs(function: &ast::StmtFunctionDef) -> bool {
    let mut found = false;
    crate::uses::exprs(&function.body, false, &mut |expr| {
        if let ast::Expr::Call(call) = expr {
            found |= crate::uses::called_name(call) == "is_running";
        }
    });
    found
}
