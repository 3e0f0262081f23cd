use ruff_python_ast as ast;

use crate::checker::Checker;
use crate::direct;
use crate::knowledge::BlockKind;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds calls in an `async def` that wait for the network, a process, a database or the clock in a way that keeps the
    /// whole event loop waiting.
    ///
    /// ## Why is this bad?
    /// An event loop runs one thing at a time. While `requests.get` waits for an answer, no other task runs: other
    /// requests are not served, timeouts do not fire, connections are not kept alive.
    ///
    /// ## Example
    /// ```python
    /// async def price(symbol):
    ///     return requests.get(f"https://example.org/{symbol}").json()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def price(client: httpx.AsyncClient, symbol):
    ///     return (await client.get(f"https://example.org/{symbol}")).json()
    /// ```
    ///
    /// or, where there is no async library for it, a thread:
    ///
    /// ```python
    /// async def price(symbol):
    ///     response = await asyncio.to_thread(requests.get, f"https://example.org/{symbol}")
    ///     return response.json()
    /// ```
    ///
    /// ## Fix safety
    /// `time.sleep` becomes `await asyncio.sleep`. The fix is unsafe: at an `await`, other tasks run and the task can be
    /// cancelled.
    ///
    /// ## False alarms known
    /// A coroutine that runs in a thread and a loop of its own blocks nobody else. In tests, waiting for a process or for a
    /// socket of the test's own is not reported.
    "RIA101", "blocking-call-in-async", default: true, fix: Unsafe,
    hooks: [Function(check), Call(check_callback)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    direct::report(checker, function, &RULE, is_about);
}

fn check_callback(checker: &Checker<'_>, call: &ast::ExprCall) {
    direct::report_callbacks(checker, call, &RULE, is_about);
}

fn is_about(kind: BlockKind) -> bool {
    matches!(
        kind,
        BlockKind::Network
            | BlockKind::Sleep
            | BlockKind::Process
            | BlockKind::Database
            | BlockKind::Dns
            | BlockKind::Input
            | BlockKind::Told
    )
}
