use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::program::Def;
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds `asyncio.wait_for` around a call that acquires something and returns it, and around a coroutine that swallows its
    /// cancellation.
    ///
    /// ## Why is this bad?
    /// Before Python 3.12, `wait_for` runs what it waits for in a task of its own. When that task ends in the same moment in which
    /// the caller is cancelled, or time is up, the cancellation may be lost, or the result is: a connection or a lock that was just
    /// acquired belongs to nobody and is never given back. A coroutine that catches `CancelledError` and goes on is not ended by a timeout
    /// in any version.
    ///
    /// ## Example
    /// ```python
    /// connection = await asyncio.wait_for(pool.acquire(), timeout=5)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async with asyncio.timeout(5):  # Python 3.11; or `async_timeout.timeout`
    ///     connection = await pool.acquire()
    /// ```
    ///
    /// ## False alarms known
    /// Reported for acquiring only where a Python older than 3.12 is supported. The window is small: it takes load to see it.
    "RIA503", "wait-for-swallows-cancellation", default: true, fix: None,
    hooks: [Call(check)],
}

fn check(checker: &Checker<'_>, call: &ast::ExprCall) {
    if let Some(report) = found(checker, call) {
        checker.report(report);
    }
}

/// Whether this rule has something to say of a call of `asyncio.wait_for`.
pub(super) fn is_reported(checker: &Checker<'_>, call: &ast::ExprCall) -> bool {
    found(checker, call).is_some()
}

fn found(checker: &Checker<'_>, call: &ast::ExprCall) -> Option<Report> {
    if checker.callee_name(call).as_deref() != Some("asyncio.wait_for") {
        return None;
    }
    let argument = call.arguments.find_argument_value("fut", 0)?;
    let timeout = call.arguments.find_argument_value("timeout", 1);
    if timeout.is_some_and(Expr::is_none_literal_expr) {
        return None;
    }
    let Expr::Call(inner) = argument else {
        return None;
    };
    let context = &checker.context;
    let name = context.source(&*inner.func);
    if let Some(def) = context
        .callees(inner, checker.scope())
        .first()
        .and_then(|callee| callee.def)
        && let Some(place) = swallows(context, def)
    {
        let message =
            format!("`asyncio.wait_for` cannot end `{name}`, which swallows its cancellation");
        let mut report = Report::new(&RULE, call, message).help("let `CancelledError` pass");
        report.related.push(place);
        return Some(report);
    }
    if context.python_version() >= (3, 12) || !acquires(uses::called_name(inner)) {
        return None;
    }
    let message =
        format!("`asyncio.wait_for` may lose what `{name}` acquires when it is cancelled");
    let help = "use `async with asyncio.timeout(…)`, or `async_timeout` before Python 3.11";
    Some(Report::new(&RULE, call, message).help(help))
}

/// Names of functions that take something which must be given back.
fn acquires(name: &str) -> bool {
    name.trim_matches('_')
        .split('_')
        .any(|word| matches!(word, "acquire" | "checkout" | "lease" | "borrow"))
}

/// Where a coroutine function catches its cancellation in a loop and goes on.
fn swallows(context: &Context<'_>, def: Def) -> Option<crate::diagnostic::Related> {
    let about = context.worker.function(def)?;
    if !about.is_coroutine() || !context.program().is_first_party(def.file) {
        return None;
    }
    let module = context.worker.module_of(def)?;
    let inner = Context::new(context.worker, &module);
    let (function, scope, _) = module.names().function_at(def.start)?;
    let mut found = None;
    uses::stmts(&function.body, &mut |stmt| {
        let (Stmt::While(ast::StmtWhile { body, .. }) | Stmt::For(ast::StmtFor { body, .. })) =
            stmt
        else {
            return;
        };
        for stmt in body {
            let Stmt::Try(attempt) = stmt else { continue };
            let mut awaits = false;
            uses::exprs(&attempt.body, false, &mut |expr| {
                awaits |= expr.is_await_expr()
            });
            if !awaits {
                continue;
            }
            for handler in &attempt.handlers {
                let ast::ExceptHandler::ExceptHandler(handler) = handler;
                let catches = match &handler.type_ {
                    None => true,
                    Some(class) => {
                        let classes = match &**class {
                            Expr::Tuple(tuple) => tuple.elts.as_slice(),
                            class => std::slice::from_ref(class),
                        };
                        classes.iter().any(|class| {
                            matches!(
                                inner.dotted(class, scope).as_deref(),
                                Some("asyncio.CancelledError" | "builtins.BaseException")
                            )
                        })
                    }
                };
                if catches && goes_on(&handler.body) {
                    found.get_or_insert(handler.range());
                }
                if catches {
                    break;
                }
            }
        }
    });
    Some(crate::diagnostic::Related {
        location: module.text().location(found?),
        message: "the cancellation is caught here, and the loop goes on".to_owned(),
    })
}

fn goes_on(body: &[Stmt]) -> bool {
    let mut leaves = false;
    uses::stmts(body, &mut |stmt| {
        leaves |= matches!(stmt, Stmt::Raise(_) | Stmt::Return(_) | Stmt::Break(_));
    });
    !leaves
}
