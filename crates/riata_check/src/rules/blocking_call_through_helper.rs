use ruff_python_ast as ast;

use crate::blocking::Run;
use crate::body;
use crate::checker::{Checker, Report};
use crate::diagnostic::Related;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds calls in an `async def` of synchronous functions that block, at any depth: in the same file, in another
    /// module, in a method, a constructor, a property, a context manager or an iterator.
    ///
    /// ## Why is this bad?
    /// The loop waits just as long as for a direct call, and nobody who reads the coroutine sees it.
    ///
    /// ## Example
    /// ```python
    /// def load(path):
    ///     return requests.get(BASE + path).json()
    ///
    ///
    /// async def handler(request):
    ///     return load(request.path)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def handler(request):
    ///     return await asyncio.to_thread(load, request.path)
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix: whether the helper may run in a thread is not for a tool to say.
    ///
    /// ## False alarms known
    /// A helper that blocks only on a way that the coroutine does not take. Say so on its `def` line:
    /// `# riata: does-not-block`. A function that looks which thread it runs in is left alone.
    "RIA102", "blocking-call-through-helper", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let Some(what) = checker.context.runs_in_loop(function, checker.scope()) else {
        return;
    };
    let context = &checker.context;
    body::events(
        context.names(),
        &function.body,
        checker.scope(),
        &mut |event| {
            context.runs(event, &mut |range, run| {
                let Run::Function { runs, name } = run else {
                    return;
                };
                let Some(chain) = context.worker.chain(runs) else {
                    return;
                };
                let message = match chain.links.last() {
                    Some(last) => {
                        format!("{what} calls `{name}`, which blocks in `{}`", last.callee)
                    }
                    None => format!("{what} calls `{name}`, which blocks"),
                };
                let mut report = Report::new(&RULE, range, message);
                report.related = chain
                    .links
                    .iter()
                    .map(|link| Related {
                        location: link.location.clone(),
                        message: format!("calls `{}`", link.callee),
                    })
                    .collect();
                // The last call in the project's own code: what somebody would change.
                report.cause = chain
                    .links
                    .iter()
                    .rfind(|link| link.first_party)
                    .map(|link| {
                        let at = &link.location;
                        format!(
                            "{}:{}:{}",
                            at.path.display(),
                            at.start.line,
                            at.start.column
                        )
                    });
                report.help =
                    Some("run it in a thread, with `await asyncio.to_thread(...)`".to_owned());
                checker.report(report);
            });
        },
    );
}
