use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds tasks that are started and awaited in one function, where a task group would look after them. Off by default.
    ///
    /// ## Why is this bad?
    /// If anything fails between `create_task` and `await`, the task goes on, and nobody sees how it ends. A task group
    /// waits for its tasks, and cancels them when one of them or the block fails.
    ///
    /// ## Example
    /// ```python
    /// task = asyncio.create_task(load_orders(id))
    /// user = await load_user(id)
    /// orders = await task
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async with asyncio.TaskGroup() as group:
    ///     task = group.create_task(load_orders(id))
    ///     user = await load_user(id)
    /// orders = task.result()
    /// ```
    ///
    /// ## False alarms known
    /// Tasks that are given on to somebody else as well.
    "RIA403", "create-task-without-group", default: false, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let mut tasks: Vec<(&str, &ast::ExprCall)> = Vec::new();
    uses::stmts(&function.body, &mut |stmt| {
        let Stmt::Assign(assign) = stmt else { return };
        if let [Expr::Name(name)] = assign.targets.as_slice()
            && let Expr::Call(call) = &*assign.value
            && checker
                .context
                .callee_name(call, checker.scope())
                .is_some_and(|name| {
                    matches!(
                        name.as_str(),
                        "asyncio.create_task" | "asyncio.ensure_future"
                    )
                })
        {
            tasks.push((name.id.as_str(), call));
        }
    });
    for (name, call) in tasks {
        let mut awaited = false;
        let mut cancelled = false;
        uses::exprs(&function.body, true, &mut |expr| match expr {
            Expr::Await(found) => {
                awaited |= found
                    .value
                    .as_name_expr()
                    .is_some_and(|read| read.id == name)
                    && found.start() > call.end();
            }
            Expr::Call(found) => {
                cancelled |= uses::called_name(found) == "cancel"
                    && found.func.as_attribute_expr().is_some_and(|attribute| {
                        attribute
                            .value
                            .as_name_expr()
                            .is_some_and(|read| read.id == name)
                    });
            }
            _ => {}
        });
        if awaited && !cancelled {
            let message = format!("Task `{name}` is started and awaited without a task group");
            checker.report(
                Report::new(&RULE, call, message).help("start it in an `asyncio.TaskGroup`"),
            );
        }
    }
}
