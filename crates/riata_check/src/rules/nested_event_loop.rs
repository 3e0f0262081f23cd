use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use crate::blocking::{Run, Runs, asks_where_it_runs};
use crate::body::{self, Event};
use crate::checker::{Checker, Report};
use crate::context::last;
use crate::reach::{Goal, allows_nesting};
use crate::rules::rule;
use crate::shared::methods;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds `asyncio.run`, `loop.run_until_complete` and the like in an `async def`, and calls of synchronous functions that
    /// come to one at any depth. The same in the `__del__` of a class with async methods.
    ///
    /// ## Why is this bad?
    /// A thread runs one event loop at a time: `asyncio.run` raises `RuntimeError: asyncio.run() cannot be called from a
    /// running event loop`. The function works from a script and fails as soon as something async calls it. An object that coroutines
    /// use is mostly collected while their loop runs, and `__del__` fails unheard.
    ///
    /// ## Example
    /// ```python
    /// def answer(question):
    ///     return asyncio.run(ask(question))
    ///
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
    hooks: [Function(check), Function(in_finalizer)],
}

/// `def __del__(self): self.loop.run_until_complete(self.session.close())`
fn in_finalizer(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let context = &checker.context;
    if function.name.as_str() != "__del__"
        || allows_nesting(context)
        || asks_where_it_runs(&function.body)
        || asks_whether_one_runs(function)
        || !methods(context, checker.scope())
            .iter()
            .any(|(method, _)| method.is_async)
    {
        return;
    }
    body::events(
        context.names(),
        &function.body,
        checker.scope(),
        &mut |event| {
            if let Some((range, name)) = context.reaches(Goal::EntersLoop, event) {
                let message =
                    format!("Finalizer calls `{name}`, and runs where the event loop is running");
                checker.report(
                    Report::new(&RULE, range, message)
                        .help("close it in an async method, and let `__del__` only warn"),
                );
            }
        },
    );
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
    // A function in a test that is run in such a block.
    let names = context.names();
    let outer = names
        .scope(checker.scope())
        .parent
        .and_then(|scope| names.enclosing_function(scope));
    if outer.is_some_and(|(_, outer)| !expected_to_fail(checker, outer).is_empty()) {
        return;
    }
    let expected = expected_to_fail(checker, function);
    body::events(
        context.names(),
        &function.body,
        checker.scope(),
        &mut |event| {
            if let Some((range, name)) = context.reaches(Goal::EntersLoop, event) {
                if expected.iter().any(|block| block.contains_range(range)) {
                    return;
                }
                let message =
                    format!("Async function calls `{name}`, but its event loop is running already");
                checker.report(Report::new(&RULE, range, message).help("await the coroutine"));
                return;
            }
            context.runs(event, &mut |range, run| {
            let Run::Function { runs: Runs { def, .. }, name } = run else { return };
            if expected.iter().any(|block| block.contains_range(range)) {
                return;
            }
            let Some(links) = context.worker.reach(Goal::EntersLoop, def) else { return };
            if let Event::Call { call, scope, .. } = event
                && context.is_shut(call, scope, def, &links)
            {
                return;
            }
            let Some(end) = links.last() else { return };
            let message = format!(
                "Async function calls `{name}`, which comes to `{}` while the event loop is running",
                end.callee
            );
            checker.report(
                Report::new(&RULE, range, message)
                    .along(&links)
                    .caused_by(&links)
                    .help("await what it runs, or call it with `asyncio.to_thread`"),
            );
        });
        },
    );
}

/// `if loop.is_running()`: in an `async def` it always does, but what is written under it is meant for where it does not.
fn asks_whether_one_runs(function: &ast::StmtFunctionDef) -> bool {
    let mut found = false;
    uses::exprs(&function.body, false, &mut |expr| {
        if let ast::Expr::Call(call) = expr {
            found |= uses::called_name(call) == "is_running";
        }
    });
    found
}

/// The blocks of tests that check that it fails: `with pytest.raises(RuntimeError)`.
fn expected_to_fail(checker: &Checker<'_>, function: &ast::StmtFunctionDef) -> Vec<TextRange> {
    let mut found = Vec::new();
    uses::stmts(&function.body, &mut |stmt| {
        let ast::Stmt::With(with) = stmt else { return };
        let expects = with.items.iter().any(|item| {
            let named = ast::helpers::map_callable(&item.context_expr);
            let name = last(checker.context.source(named));
            matches!(
                name,
                "raises" | "assertRaises" | "assertRaisesRegex" | "suppress" | "RaisesGroup"
            )
        });
        if expects {
            found.push(with.range());
        }
    });
    found
}
