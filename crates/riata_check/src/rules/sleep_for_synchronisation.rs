use ruff_python_ast::{self as ast, AnyNodeRef, Expr, Stmt};

use crate::annotations::last_name;
use crate::checker::{Checker, Report};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds tests that sleep for a fixed time before they look at what another task has done.
    ///
    /// ## Why is this bad?
    /// On a busy machine the time is not enough, and the test fails now and then. On any other it is too long.
    ///
    /// ## Example
    /// ```python
    /// async def test_worker(worker):
    ///     worker.put("job")
    ///     await asyncio.sleep(0.1)
    ///     assert worker.done == ["job"]
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def test_worker(worker):
    ///     worker.put("job")
    ///     await asyncio.wait_for(worker.idle.wait(), timeout=5)
    ///     assert worker.done == ["job"]
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix.
    ///
    /// ## False alarms known
    /// A test that asserts that nothing has happened for some time, and one under a simulated clock.
    "RIA904", "sleep-for-synchronisation", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async || !function.name.starts_with("test_") {
        return;
    }
    // Another task has to be there to wait for: one that the test started itself.
    let starts = function.body.iter().any(|stmt| {
        let source = checker.context.source(stmt);
        source.contains("create_task(") || source.contains("ensure_future(")
    });
    if !starts {
        return;
    }
    look(checker, &function.body);
}

fn look(checker: &Checker<'_>, body: &[Stmt]) {
    for pair in body.windows(2) {
        let [first, second] = pair else { continue };
        if let Some(call) = sleeps(checker, first)
            && asserts_that_something_happened(checker, second)
        {
            let message = "Test sleeps to give another task the time it needs";
            checker.report(
                Report::new(&RULE, call, message)
                    .help("wait for what it does: an event, a queue, a result, with a timeout"),
            );
        }
    }
    for stmt in body {
        match AnyNodeRef::from(stmt) {
            AnyNodeRef::StmtWith(with) => look(checker, &with.body),
            AnyNodeRef::StmtTry(attempt) => look(checker, &attempt.body),
            _ => {}
        }
    }
}

/// `await asyncio.sleep(0.1)`; zero is a turn of the loop and no time.
fn sleeps<'s>(checker: &Checker<'_>, stmt: &'s Stmt) -> Option<&'s ast::ExprCall> {
    let Stmt::Expr(statement) = stmt else {
        return None;
    };
    let Expr::Await(awaited) = &*statement.value else {
        return None;
    };
    let Expr::Call(call) = &*awaited.value else {
        return None;
    };
    let [Expr::NumberLiteral(time)] = &*call.arguments.args else {
        return None;
    };
    let is_zero = matches!(&time.value, ast::Number::Int(value) if value.as_u64() == Some(0));
    let name = checker.dotted(&call.func)?;
    (!is_zero && name == "asyncio.sleep").then_some(call)
}

fn asserts_that_something_happened(checker: &Checker<'_>, stmt: &Stmt) -> bool {
    let source = checker.context.source(stmt);
    match stmt {
        Stmt::Assert(_) => {
            // That nothing has happened can only be seen by waiting.
            !source.contains(" not ") && !source.contains("== []") && !source.contains("== 0")
        }
        Stmt::Expr(statement) => match &*statement.value {
            Expr::Call(call) => last_name(&call.func).is_some_and(|name| {
                matches!(
                    name,
                    "assert_called"
                        | "assert_called_once"
                        | "assert_called_with"
                        | "assert_called_once_with"
                        | "assert_awaited"
                        | "assert_awaited_once"
                        | "assert_awaited_with"
                        | "assert_awaited_once_with"
                        | "assertTrue"
                        | "assertEqual"
                )
            }),
            _ => false,
        },
        _ => false,
    }
}
