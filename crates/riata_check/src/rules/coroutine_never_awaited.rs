use ruff_python_ast::{AnyNodeRef, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::annotations::last_name;
use crate::body::is_type_checking;
use crate::checker::{Checker, Report};
use crate::diagnostic::{Edit, Fix};
use crate::locals::{is_shared, reads};
use crate::lost::{Lost, called, dropped, is_expected_to_fail, lost};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds coroutines that are made and dropped: a call as a statement, or one whose result gets a name that is never read.
    ///
    /// ## Why is this bad?
    /// Calling an `async def` function only makes a coroutine. Nothing of its body runs before it is awaited, so the call does
    /// nothing at all, and Python says so only in a warning when the coroutine is collected.
    ///
    /// ## Example
    /// ```python
    /// async def shut_down(connection):
    ///     connection.close()  # an `async def` method
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def shut_down(connection):
    ///     await connection.close()
    /// ```
    ///
    /// ## Fix safety
    /// In an `async def`, the fix puts `await` before the call. It is unsafe: code that never ran runs, and the function waits
    /// for it.
    ///
    /// ## False alarms known
    /// A test that provokes the warning on purpose, other than in `pytest.warns` or `pytest.raises`.
    "RIA201", "coroutine-never-awaited", default: true, fix: Unsafe,
    hooks: [Stmt(check)],
}

fn check(checker: &Checker<'_>, stmt: &Stmt) {
    match stmt {
        Stmt::Expr(statement) => dropped(&statement.value, &mut |expr, call| {
            if lost(checker, expr) != Some(Lost::Coroutine)
                || super::assertion_never_awaited::is_assertion(checker, call)
                || is_meant(checker)
            {
                return;
            }
            report(checker, expr, format!("Coroutine of `{}` is never awaited", called(checker, expr)));
        }),
        Stmt::Assign(assign) => {
            let [Expr::Name(target)] = assign.targets.as_slice() else { return };
            unread(checker, target.id.as_str(), &assign.value);
        }
        Stmt::AnnAssign(assign) => {
            let (Expr::Name(target), Some(value)) = (&*assign.target, &assign.value) else { return };
            unread(checker, target.id.as_str(), value);
        }
        _ => {}
    }
}

/// A name of the function that is bound to a coroutine and never read.
fn unread(checker: &Checker<'_>, name: &str, value: &Expr) {
    let Expr::Call(_) = value else { return };
    let Some(function) = checker.function() else { return };
    if checker.context.names().of_function(function) != Some(checker.scope())
        || lost(checker, value) != Some(Lost::Coroutine)
        || is_shared(&function.body, name)
        || !reads(&function.body, name).is_empty()
        || is_meant(checker)
    {
        return;
    }
    let message =
        format!("Coroutine of `{}` is kept in `{name}` and never awaited", called(checker, value));
    report(checker, value, message);
}

fn report(checker: &Checker<'_>, expr: &Expr, message: String) {
    let mut report = Report::new(&RULE, expr, message);
    if checker.in_async() {
        report = report.fix(Fix::risky("Await it", vec![Edit::insert(expr.start(), "await ")]));
    } else {
        report = report.help("await it in an async function, or start it in a task that is kept");
    }
    checker.report(report);
}

/// Code that is not run, and tests in which the call itself has to fail.
fn is_meant(checker: &Checker<'_>) -> bool {
    is_expected_to_fail(checker)
        || checker.ancestors().any(|ancestor| match ancestor {
            AnyNodeRef::StmtIf(branch) => is_type_checking(&branch.test),
            AnyNodeRef::StmtTry(attempt) => attempt.handlers.iter().any(|handler| {
                // `try: f() except TypeError` tries whether it takes such arguments.
                let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
                attempt.body.len() == 1
                    && handler
                        .type_
                        .as_deref()
                        .is_some_and(|class| last_name(class) == Some("TypeError"))
            }),
            _ => false,
        })
}
