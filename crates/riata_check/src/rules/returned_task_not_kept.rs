use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::diagnostic::Related;
use crate::lost::called;
use crate::program::Def;
use crate::rules::rule;
use crate::tasks::is_no_task;

use super::task_not_kept::{called_back, dropped_tasks};

rule! {
    /// ## What it does
    /// Finds calls of functions that start a task and return it without keeping it, where the caller drops it.
    ///
    /// ## Why is this bad?
    /// The helper relies on its callers and they on the helper: nobody refers to the task, and it may be collected before it is
    /// done. A done callback that the helper adds does not keep it.
    ///
    /// ## Example
    /// ```python
    /// def logged_task(coroutine):
    ///     task = asyncio.create_task(coroutine)
    ///     task.add_done_callback(log_failure)
    ///     return task
    ///
    ///
    /// def on_message(message):
    ///     logged_task(store(message))
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// tasks = set()
    ///
    ///
    /// def logged_task(coroutine):
    ///     task = asyncio.create_task(coroutine)
    ///     tasks.add(task)
    ///     task.add_done_callback(tasks.discard)
    ///     task.add_done_callback(log_failure)
    ///     return task
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix: where the task belongs is not for a tool to say.
    ///
    /// ## False alarms known
    /// A coroutine that keeps its own task alive, for example by storing `asyncio.current_task()`.
    "RIA303", "returned-task-not-kept", default: true, fix: None,
    hooks: [Stmt(check_stmt), Call(check_call)],
}

fn check_stmt(checker: &Checker<'_>, stmt: &Stmt) {
    dropped_tasks(checker, stmt, &mut |call, spawn| {
        let Some(def) = spawn.through else { return };
        let value = checker.value(&Expr::from(call.clone()));
        if !spawn.awaited && is_no_task(&value) {
            return;
        }
        let name = checker.context.source(&*call.func);
        report(checker, call.range(), name, def);
    });
}

fn check_call(checker: &Checker<'_>, call: &ast::ExprCall) {
    called_back(checker, call, &mut |at, spawn| {
        let Some(def) = spawn.through else { return };
        report(checker, at.range(), &called(checker, at), def);
    });
}

fn report(checker: &Checker<'_>, range: TextRange, name: &str, def: Def) {
    let message = format!(
        "Task that `{name}` starts and returns is not kept and may be collected before it is done"
    );
    let mut report = Report::new(&RULE, range, message)
        .help("keep the tasks in the function that starts them, or here");
    if let Some(module) = checker.context.worker.module_of(def)
        && let Some((function, _, _)) = module.names().function_at(def.start)
    {
        report.related.push(Related {
            location: module.text().location(function.name.range()),
            message: "starts the task and does not keep it".to_owned(),
        });
    }
    checker.report(report);
}
