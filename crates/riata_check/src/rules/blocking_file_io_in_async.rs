use ruff_python_ast as ast;

use crate::checker::Checker;
use crate::direct;
use crate::knowledge::BlockKind;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds calls in an `async def` that read or write files, or import modules, while the event loop waits.
    ///
    /// ## Why is this bad?
    /// A disk is fast until it is not: a network mount, a busy container, a cold cache. Until the call returns no other task runs.
    ///
    /// ## Example
    /// ```python
    /// async def save(path, data):
    ///     with open(path, "w") as file:
    ///         file.write(data)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def save(path, data):
    ///     await asyncio.to_thread(Path(path).write_text, data)
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix.
    ///
    /// ## False alarms known
    /// A file that is read once, before anything else runs, makes nobody wait. Memory file systems do not block.
    "RIA103", "blocking-file-io-in-async", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    // A test has the loop for itself.
    if checker.context.is_test_module() {
        return;
    }
    direct::report(checker, function, &RULE, |kind| {
        matches!(kind, BlockKind::Disk | BlockKind::Import)
    });
}
