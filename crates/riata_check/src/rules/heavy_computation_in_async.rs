use ruff_python_ast as ast;

use crate::checker::Checker;
use crate::direct;
use crate::knowledge::BlockKind;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds calls in an `async def` that are known to use the CPU for long: password hashing, compression, image decoding.
    ///
    /// ## Why is this bad?
    /// While it computes no other task runs. A password hash is slow on purpose: a quarter of a second for each login, for everybody.
    ///
    /// ## Example
    /// ```python
    /// async def login(password, hashed):
    ///     return bcrypt.checkpw(password, hashed)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def login(password, hashed):
    ///     return await asyncio.to_thread(bcrypt.checkpw, password, hashed)
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix.
    ///
    /// ## False alarms known
    /// Small inputs: a compressed message of a few bytes takes no time. Turn the rule off where that is so.
    "RIA105", "heavy-computation-in-async", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    direct::report(checker, function, &RULE, |kind| {
        matches!(kind, BlockKind::Compute)
    });
}
