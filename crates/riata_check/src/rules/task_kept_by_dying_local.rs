use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::locals::is_shared;
use crate::rules::rule;
use crate::tasks::{is_kept, lives_on, spawned};

rule! {
    /// ## What it does
    /// Finds tasks that only a local name refers to, or a set that is local itself, in a function that ends without waiting for
    /// them.
    ///
    /// ## Why is this bad?
    /// When the function returns, nobody refers to the task any more, and it may be collected while it waits. A done callback
    /// does not keep a task: the task refers to the callback.
    ///
    /// ## Example
    /// ```python
    /// def on_message(message):
    ///     task = asyncio.create_task(store(message))
    ///     task.add_done_callback(log_failure)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// tasks = set()
    ///
    /// def on_message(message):
    ///     task = asyncio.create_task(store(message))
    ///     tasks.add(task)
    ///     task.add_done_callback(tasks.discard)
    ///     task.add_done_callback(log_failure)
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix: where the task belongs is not for a tool to say.
    ///
    /// ## False alarms known
    /// A coroutine that keeps its own task alive, for example by storing `asyncio.current_task()`.
    "RIA302", "task-kept-by-dying-local", default: true, fix: None,
    hooks: [Stmt(check)],
}

fn check(checker: &Checker<'_>, stmt: &Stmt) {
    let (target, value) = match stmt {
        Stmt::Assign(assign) => match assign.targets.as_slice() {
            [target] => (target, &*assign.value),
            _ => return,
        },
        Stmt::AnnAssign(assign) => match &assign.value {
            Some(value) => (&*assign.target, &**value),
            None => return,
        },
        _ => return,
    };
    let (Expr::Name(name), Expr::Call(call)) = (target, value) else {
        return;
    };
    let name = name.id.as_str();
    let Some(function) = checker.function() else {
        return;
    };
    let scope = checker.scope();
    let context = &checker.context;
    if context.names().of_function(function) != Some(scope) {
        return;
    }
    let Some(spawn) = spawned(context, call, scope) else {
        return;
    };
    if spawn.awaited
        || is_shared(&function.body, name)
        || is_kept(context, function, scope, name, false)
        || lives_on(function, stmt.end())
    {
        return;
    }
    let message = format!(
        "Task is kept only in `{name}`, which dies with the function, and may be collected before it is done"
    );
    checker.report(Report::new(&RULE, call, message).help(
        "keep the task where it lives on, such as in a set it is discarded from when done, or await it",
    ));
}
