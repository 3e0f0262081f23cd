use ruff_python_ast as ast;

use crate::checker::Checker;
use crate::direct;
use crate::knowledge::BlockKind;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds calls in an `async def` that wait for another thread or process: `threading.Lock.acquire`, `queue.Queue.get`,
    /// `Event.wait`, `Thread.join`, `concurrent.futures.Future.result`.
    ///
    /// ## Why is this bad?
    /// The loop stands still until the other thread is done. If that thread waits for the loop, both wait for ever.
    ///
    /// ## Example
    /// ```python
    /// async def collect(jobs: queue.Queue):
    ///     return jobs.get()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def collect(jobs: asyncio.Queue):
    ///     return await jobs.get()
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix.
    ///
    /// ## False alarms known
    /// A lock that is only ever held for a moment. In tests nothing is reported: nobody else waits there.
    "RIA104", "blocking-thread-wait-in-async", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    direct::report(checker, function, &RULE, |kind| {
        matches!(kind, BlockKind::Thread)
    });
}
