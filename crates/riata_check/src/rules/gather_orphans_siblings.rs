use ruff_python_ast::{self as ast, AnyNodeRef, Expr};

use crate::checker::{Checker, Report};
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds `await asyncio.gather(...)` without `return_exceptions=True`. Off by default: `gather` is right where nothing is left
    /// to be done after an error.
    ///
    /// ## Why is this bad?
    /// The first error is raised at once, and the other coroutines go on in tasks that nobody waits for. They work on while
    /// the caller cleans up what they use, and their own errors are lost.
    ///
    /// ## Example
    /// ```python
    /// user, orders = await asyncio.gather(load_user(id), load_orders(id))
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async with asyncio.TaskGroup() as group:
    ///     user = group.create_task(load_user(id))
    ///     orders = group.create_task(load_orders(id))
    /// ```
    ///
    /// ## False alarms known
    /// Coroutines that do not fail.
    "RIA401", "gather-orphans-siblings", default: false, fix: None,
    hooks: [Call(check)],
}

fn check(checker: &Checker<'_>, call: &ast::ExprCall) {
    if call.arguments.find_keyword("return_exceptions").is_some()
        || !matches!(checker.parent(), Some(AnyNodeRef::ExprAwait(_)))
        || checker.callee_name(call).as_deref() != Some("asyncio.gather")
    {
        return;
    }
    let Some(function) = checker.function() else {
        return;
    };
    let several = match &*call.arguments.args {
        [] => false,
        [one] => one.is_starred_expr(),
        _ => true,
    };
    // Where tasks are cancelled by hand, somebody has thought of it.
    let mut cancels = false;
    uses::exprs(&function.body, true, &mut |expr| {
        cancels |= matches!(expr, Expr::Call(found) if uses::called_name(found) == "cancel");
    });
    if several && !cancels {
        let message = "When one of these fails, `asyncio.gather` leaves the others running";
        checker
            .report(Report::new(&RULE, call, message).help("start them in an `asyncio.TaskGroup`"));
    }
}
