use ruff_python_ast::{self as ast, Expr, Stmt};

use crate::annotations::last_name;
use crate::checker::{Checker, Report};
use crate::lost::{called, dropped};
use crate::rules::rule;
use crate::tasks::{Spawn, spawned, spawned_by};

rule! {
    /// ## What it does
    /// Finds tasks that are started and kept by nobody: `asyncio.create_task`, `ensure_future` or `loop.create_task` as a
    /// statement, or as what a callback does.
    ///
    /// ## Why is this bad?
    /// An event loop refers to its tasks weakly. A task that nobody else refers to may be collected while it waits, and never
    /// comes to its end. Nobody sees its exception either.
    ///
    /// ## Example
    /// ```python
    /// def on_message(message):
    ///     asyncio.create_task(store(message))
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
    /// ```
    ///
    /// or a task group that lives as long as the tasks may.
    ///
    /// ## Fix safety
    /// There is no fix: where the task belongs is not for a tool to say.
    ///
    /// ## False alarms known
    /// A coroutine that keeps its own task alive, for example by storing `asyncio.current_task()`.
    "RIA301", "task-not-kept", default: true, fix: None,
    hooks: [Stmt(check_stmt), Call(check_call)],
}

fn check_stmt(checker: &Checker<'_>, stmt: &Stmt) {
    dropped_tasks(checker, stmt, &mut |call, spawn| {
        if spawn.through.is_none() && !spawn.awaited {
            report(checker, call);
        }
    });
}

fn check_call(checker: &Checker<'_>, call: &ast::ExprCall) {
    called_back(checker, call, &mut |at, spawn| {
        if spawn.through.is_none() {
            let name = called(checker, at);
            let message = format!(
                "Task of `{name}` is dropped by the callback and may be collected before it is done"
            );
            checker.report(Report::new(&RULE, at, message).help(HELP));
        }
    });
}

const HELP: &str = "keep the task where it lives on, such as in a set it is discarded from when done, or start it in a task group";

fn report(checker: &Checker<'_>, call: &ast::ExprCall) {
    let name = checker.context.source(&*call.func);
    let message = format!("Task of `{name}` is not kept and may be collected before it is done");
    checker.report(Report::new(&RULE, call, message).help(HELP));
}

/// The calls in a statement that start tasks which the statement drops.
pub(super) fn dropped_tasks(
    checker: &Checker<'_>,
    stmt: &Stmt,
    found: &mut dyn FnMut(&ast::ExprCall, Spawn),
) {
    let Stmt::Expr(statement) = stmt else { return };
    let scope = checker.scope();
    match &*statement.value {
        // What awaiting a wrapper gives.
        Expr::Await(awaited) => {
            if let Expr::Call(call) = &*awaited.value
                && let Some(spawn) = spawned(&checker.context, call, scope)
                && spawn.awaited
            {
                found(call, spawn);
            }
        }
        // `[create_task(f(x)) for x in xs]`
        Expr::ListComp(ast::ExprListComp { elt, .. })
        | Expr::SetComp(ast::ExprSetComp { elt, .. }) => {
            if let (Expr::Call(call), Some(inner)) = (
                &**elt,
                checker.context.names().of_comprehension(&statement.value),
            ) && let Some(spawn) = spawned(&checker.context, call, inner)
                && !spawn.awaited
            {
                found(call, spawn);
            }
        }
        value => dropped(value, &mut |_, call| {
            let call = without_callbacks(call);
            if let Some(spawn) = spawned(&checker.context, call, scope)
                && !spawn.awaited
            {
                found(call, spawn);
            }
        }),
    }
}

/// `create_task(…).add_done_callback(…)`: the call that gives the task.
fn without_callbacks(call: &ast::ExprCall) -> &ast::ExprCall {
    if let Expr::Attribute(attribute) = &*call.func
        && matches!(attribute.attr.as_str(), "add_done_callback" | "set_name")
        && let Expr::Call(inner) = &*attribute.value
    {
        return inner;
    }
    call
}

/// Tasks that a callback starts and nobody gets, because what callbacks give is dropped: the expression to report.
pub(super) fn called_back(
    checker: &Checker<'_>,
    call: &ast::ExprCall,
    found: &mut dyn FnMut(&Expr, Spawn),
) {
    let Some(index) = dropping_callback(checker, call) else {
        return;
    };
    let Some(argument) = call.arguments.args.get(index) else {
        return;
    };
    let scope = checker.scope();
    match argument {
        Expr::Lambda(lambda) => {
            let Some(inner) = checker.context.names().of_lambda(lambda) else {
                return;
            };
            dropped(&lambda.body, &mut |expr, call| {
                if let Some(spawn) = spawned(&checker.context, without_callbacks(call), inner)
                    && !spawn.awaited
                {
                    found(expr, spawn);
                }
            });
        }
        Expr::Call(partial) => {
            if last_name(&partial.func) == Some("partial")
                && let Some(function) = partial.arguments.args.first()
                && let Some(spawn) = spawned_by(&checker.context, function, scope)
            {
                found(function, spawn);
            }
        }
        Expr::Name(_) | Expr::Attribute(_) => {
            if let Some(spawn) = spawned_by(&checker.context, argument, scope) {
                found(argument, spawn);
            }
        }
        _ => {}
    }
}

/// Which argument of a call is a callback whose result the loop drops.
fn dropping_callback(checker: &Checker<'_>, call: &ast::ExprCall) -> Option<usize> {
    let Expr::Attribute(attribute) = &*call.func else {
        return None;
    };
    let index = match attribute.attr.as_str() {
        "add_done_callback" | "call_soon" | "call_soon_threadsafe" => 0,
        "call_later" | "call_at" | "add_signal_handler" | "add_reader" | "add_writer" => 1,
        _ => return None,
    };
    // A class of the project may do what it wants with what a callback gives.
    let own = checker.callees(call).iter().any(|callee| {
        callee
            .def
            .is_some_and(|def| checker.context.program().is_first_party(def.file))
    });
    (!own).then_some(index)
}
