use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::context::Awaitable;
use crate::flow::place;
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds async functions that cancel a task and never wait for its end. Off by default.
    ///
    /// ## Why is this bad?
    /// `cancel()` only asks. The task goes on until it waits the next time, and its `finally` blocks run after that, while the function
    /// that cancelled it has closed what they need. What goes wrong in them is seen by nobody, and when the event loop stops before, they do
    /// not run at all.
    ///
    /// ## Example
    /// ```python
    /// async def close(self):
    ///     self._reader.cancel()
    ///     await self._connection.close()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def close(self):
    ///     self._reader.cancel()
    ///     await asyncio.wait([self._reader])
    ///     await self._connection.close()
    /// ```
    ///
    /// ## False alarms known
    /// A task that somebody else waits for.
    "RIA613", "cancelled-task-not-awaited", default: false, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let mut cancelled: Vec<&ast::ExprCall> = Vec::new();
    // What is awaited, or given to something that may wait for it.
    let mut waited: Vec<String> = Vec::new();
    uses::exprs(&function.body, true, &mut |expr| match expr {
        Expr::Call(call) => {
            let is_cancel =
                call.arguments.is_empty() && crate::locks::method_call(call, &["cancel"]).is_some();
            if is_cancel {
                cancelled.push(call);
            }
            let given = call
                .arguments
                .args
                .iter()
                .chain(call.arguments.keywords.iter().map(|keyword| &keyword.value));
            for argument in given {
                uses::exprs_in(argument, false, &mut |inner| waited.extend(place(inner)));
            }
        }
        Expr::Await(awaited) => {
            uses::exprs_in(&awaited.value, false, &mut |inner| {
                waited.extend(place(inner));
            });
        }
        _ => {}
    });
    uses::stmts(&function.body, &mut |stmt| match stmt {
        Stmt::Return(returned) => {
            if let Some(value) = &returned.value {
                uses::exprs_in(value, false, &mut |inner| waited.extend(place(inner)));
            }
        }
        // `for task in tasks: await task` is seen above, by the name of the one.
        Stmt::For(each) => {
            let one = place(&each.target);
            if one.as_ref().is_some_and(|one| waited.contains(one)) {
                waited.extend(place(&each.iter));
            }
        }
        _ => {}
    });
    for call in cancelled {
        let Expr::Attribute(method) = &*call.func else {
            continue;
        };
        let Some(task) = place(&method.value) else {
            continue;
        };
        if waited.contains(&task) {
            continue;
        }
        let looped = all_of(&function.body, &task);
        if looped.as_ref().is_some_and(|all| waited.contains(all)) {
            continue;
        }
        let is_task = matches!(checker.awaitable(&method.value), Awaitable::Task)
            || looped.is_some_and(|all| is_pending(&function.body, &all))
            || made_here(&function.body, &task);
        if !is_task {
            continue;
        }
        checker.report(
            Report::new(
                &RULE,
                call.range(),
                format!("`{task}` is cancelled here, and nobody waits for its end"),
            )
            .help("`await asyncio.wait([…])` of it, or gather it with `return_exceptions=True`"),
        );
    }
}

/// What a loop takes a name from.
fn all_of(body: &[Stmt], name: &str) -> Option<String> {
    let mut found = None;
    uses::stmts(body, &mut |stmt| {
        if let Stmt::For(each) = stmt
            && place(&each.target).as_deref() == Some(name)
        {
            found = place(&each.iter);
        }
    });
    found
}

/// The pending tasks of `done, pending = await asyncio.wait(…)`.
fn is_pending(body: &[Stmt], name: &str) -> bool {
    let mut found = false;
    uses::stmts(body, &mut |stmt| {
        let Stmt::Assign(assign) = stmt else { return };
        let (Expr::Await(awaited), [Expr::Tuple(pair)]) = (&*assign.value, &*assign.targets) else {
            return;
        };
        if let Expr::Call(call) = &*awaited.value
            && uses::called_name(call) == "wait"
        {
            found |= pair
                .elts
                .iter()
                .any(|element| matches!(element, Expr::Name(one) if one.id == name));
        }
    });
    found
}

/// `task = asyncio.create_task(…)`.
fn made_here(body: &[Stmt], name: &str) -> bool {
    let mut found = false;
    uses::stmts(body, &mut |stmt| {
        let Stmt::Assign(assign) = stmt else { return };
        if let (Expr::Call(call), [target]) = (&*assign.value, &*assign.targets) {
            found |= place(target).as_deref() == Some(name)
                && matches!(uses::called_name(call), "create_task" | "ensure_future");
        }
    });
    found
}
