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
    /// A disk is fast until it is not: a network mount, a busy container, a cold cache. Until the call returns no other task
    /// runs. To load the certificates of the system or of `certifi` takes 10 to 50 milliseconds on any disk, because they are
    /// parsed as well: `ssl.create_default_context()` does it, and so does every `httpx.AsyncClient()`. Make one, and keep it.
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
    /// A file that is read once, before anything else runs, makes nobody wait. Memory file systems do not block. Nobody waits
    /// in a test, or in a module of a command line (`cli`, `__main__`), so nothing is reported there. `import_module` counts
    /// when the name is put together, so that each call may load another module: one that is fixed is loaded once.
    "RIA103", "blocking-file-io-in-async", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    direct::report(checker, function, &RULE, |kind| {
        matches!(kind, BlockKind::Disk | BlockKind::Import)
    });
}
