use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::locals::is_shared;
use crate::names::ScopeId;
use crate::rules::rule;
use crate::tasks::{Spawn, is_dying_container, is_kept, lives_on, spawned};

rule! {
    /// ## What it does
    /// Finds tasks that only a local name refers to, or a set or list that is local itself, in a function that ends without waiting
    /// for them.
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
    put_into_dying(checker, stmt);
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
    let Expr::Name(name) = target else { return };
    let name = name.id.as_str();
    let Some(function) = checker.function() else {
        return;
    };
    let scope = checker.scope();
    let context = &checker.context;
    if context.names().of_function(function) != Some(scope) {
        return;
    }
    let Some((call, spawn)) = started_in(checker, value) else {
        return;
    };
    if spawn.awaited
        || is_shared(&function.body, name)
        || is_kept(context, function, scope, name, false)
        || lives_on(function, stmt.end())
    {
        return;
    }
    report(checker, call, name);
}

/// The task that a value is, or the first of those that it is made up of: `[create_task(f(x)) for x in xs]`.
fn started_in<'e>(checker: &Checker<'_>, value: &'e Expr) -> Option<(&'e ast::ExprCall, Spawn)> {
    let context = &checker.context;
    let in_list = |element: &'e Expr, scope: ScopeId| {
        let call = element.as_call_expr()?;
        Some((call, spawned(context, call, scope)?))
    };
    let scope = checker.scope();
    match value {
        Expr::Call(_) => in_list(value, scope),
        Expr::ListComp(ast::ExprListComp { elt: element, .. })
        | Expr::SetComp(ast::ExprSetComp { elt: element, .. })
        | Expr::DictComp(ast::ExprDictComp { value: element, .. }) => {
            in_list(element, context.names().of_comprehension(value)?)
        }
        Expr::List(ast::ExprList { elts, .. })
        | Expr::Set(ast::ExprSet { elts, .. })
        | Expr::Tuple(ast::ExprTuple { elts, .. }) => {
            elts.iter().find_map(|element| in_list(element, scope))
        }
        Expr::Dict(found) => found
            .items
            .iter()
            .find_map(|item| in_list(&item.value, scope)),
        _ => None,
    }
}

/// `tasks.append(create_task(f(x)))`, where nothing is done with `tasks`.
fn put_into_dying(checker: &Checker<'_>, stmt: &Stmt) {
    let Stmt::Expr(statement) = stmt else { return };
    let Expr::Call(put) = &*statement.value else {
        return;
    };
    let (Expr::Attribute(method), [Expr::Call(call)]) = (&*put.func, &*put.arguments.args) else {
        return;
    };
    let (Expr::Name(owner), "append" | "add") = (&*method.value, method.attr.as_str()) else {
        return;
    };
    let Some(function) = checker.function() else {
        return;
    };
    let context = &checker.context;
    let name = owner.id.as_str();
    if !is_dying_container(context.names(), function, checker.scope(), name)
        || lives_on(
            function,
            function.body.first().map_or(stmt.start(), Ranged::start),
        )
        || spawned(context, call, checker.scope()).is_none_or(|spawn| spawn.awaited)
    {
        return;
    }
    report(checker, call, name);
}

fn report(checker: &Checker<'_>, call: &ast::ExprCall, name: &str) {
    let message = format!(
        "Task is kept only in `{name}`, which dies with the function, and may be collected before it is done"
    );
    checker.report(Report::new(&RULE, call, message).help(
        "keep the task where it lives on, such as in a set it is discarded from when done, or await it",
    ));
}
