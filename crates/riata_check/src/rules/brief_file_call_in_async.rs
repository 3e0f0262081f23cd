use ruff_python_ast as ast;

use crate::checker::Checker;
use crate::direct;
use crate::knowledge::BlockKind;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds calls in an `async def` that ask the file system something small: `os.path.exists`, `stat`, `mkdir`, `unlink`.
    ///
    /// ## Why is this bad?
    /// Each is short on a local disk and may take seconds on a network mount.
    ///
    /// ## Example
    /// ```python
    /// async def find(path):
    ///     return os.path.exists(path)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def find(path):
    ///     return await asyncio.to_thread(os.path.exists, path)
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix.
    ///
    /// ## False alarms known
    /// Most of them are harmless, so the rule is off by default.
    "RIA106", "brief-file-call-in-async", default: false, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    direct::report(checker, function, &RULE, |kind| {
        matches!(kind, BlockKind::BriefDisk)
    });
}
