use ruff_python_ast::{self as ast, AnyNodeRef, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds `await asyncio.gather(..., return_exceptions=True)` whose result nobody looks at.
    ///
    /// ## Why is this bad?
    /// With `return_exceptions=True` an error does not raise: it is an item of the result. Where the result is dropped, every
    /// error is lost without a trace, programming errors included.
    ///
    /// ## Example
    /// ```python
    /// await asyncio.gather(*[notify(user) for user in users], return_exceptions=True)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// for outcome in await asyncio.gather(*[notify(user) for user in users], return_exceptions=True):
    ///     if isinstance(outcome, BaseException):
    ///         logger.warning("could not notify", exc_info=outcome)
    /// ```
    ///
    /// ## False alarms known
    /// Coroutines that handle every error of their own. Waiting for tasks that were cancelled is right and not reported, nor
    /// is what is written to end something (`close`, `stop`, a `finally` block), nor `_ = await asyncio.gather(...)`.
    "RIA402", "gathered-exceptions-ignored", default: true, fix: None,
    hooks: [Call(check)],
}

fn check(checker: &Checker<'_>, call: &ast::ExprCall) {
    if !uses::is_true(&call.arguments, "return_exceptions")
        || checker.callee_name(call).as_deref() != Some("asyncio.gather")
    {
        return;
    }
    let Some(function) = checker.function() else {
        return;
    };
    let mut around = checker.ancestors();
    let (Some(AnyNodeRef::ExprAwait(_)), Some(stmt)) = (around.next(), around.next()) else {
        return;
    };
    let ignored = match stmt {
        AnyNodeRef::StmtExpr(_) => true,
        AnyNodeRef::StmtAssign(assign) => match assign.targets.as_slice() {
            [Expr::Name(name)] => {
                !name.id.starts_with('_')
                    && uses::loads(&function.body, name.id.as_str()).is_empty()
                    && !is_shared(checker, name.id.as_str())
            }
            _ => false,
        },
        _ => false,
    };
    if !ignored || is_ending(function, call) {
        return;
    }
    // What is looked at by other names: `task.result()` for each, tasks that a callback watches, what others own.
    let arguments = &call.arguments.args;
    let mut looked_at = false;
    for argument in arguments {
        let expr = match argument {
            Expr::Starred(starred) => &*starred.value,
            expr => expr,
        };
        looked_at |= match expr {
            Expr::Name(name) => {
                !is_made_of_calls(checker, function, name.id.as_str())
                    || uses::loads(&function.body, name.id.as_str())
                        .iter()
                        .any(|read| read.start() > call.end())
            }
            Expr::Attribute(_) | Expr::Subscript(_) => true,
            Expr::Call(inner) => {
                matches!(
                    uses::called_name(inner),
                    "values" | "all_tasks" | "copy" | "create_task" | "ensure_future"
                ) || handles_everything(checker, inner)
            }
            Expr::ListComp(found) => is_watched(checker, &found.elt),
            Expr::Generator(found) => is_watched(checker, &found.elt),
            Expr::List(list) => list.elts.iter().any(|item| !matches!(item, Expr::Call(_))),
            Expr::Tuple(list) => list.elts.iter().any(|item| !matches!(item, Expr::Call(_))),
            _ => true,
        };
    }
    if looked_at {
        return;
    }
    let message =
        "The errors of `asyncio.gather` are returned, but nobody looks at what it returns";
    checker.report(
        Report::new(&RULE, call, message)
            .help("look for exceptions in the result, or leave `return_exceptions` out"),
    );
}

/// `global` names and those of an outer function live on.
fn is_shared(checker: &Checker<'_>, name: &str) -> bool {
    let names = checker.context.names();
    names
        .lookup(name, checker.scope())
        .is_none_or(|(scope, _)| {
            names
                .enclosing_function(scope)
                .map(|(_, function)| function.name.start())
                != checker.function().map(|function| function.name.start())
        })
}

/// Whether the place is there to end something, where errors are of no interest any more.
fn is_ending(function: &ast::StmtFunctionDef, call: &ast::ExprCall) -> bool {
    if uses::is_cleanup_name(function.name.as_str())
        || uses::in_handler(&function.body, call.range())
    {
        return true;
    }
    let mut cancels = false;
    uses::exprs(&function.body, true, &mut |expr| {
        if let Expr::Call(found) = expr {
            let name = uses::called_name(found);
            cancels |= found.start() < call.end()
                && (name.contains("cancel") || uses::is_cleanup_name(name));
        }
    });
    cancels
}

/// Whether a local list holds calls of coroutine functions: made by a comprehension or a display, or appended to.
fn is_made_of_calls(checker: &Checker<'_>, function: &ast::StmtFunctionDef, name: &str) -> bool {
    let mut values: Vec<&Expr> = Vec::new();
    let mut other = false;
    uses::stmts(&function.body, &mut |stmt| {
        if let Stmt::Assign(assign) = stmt
            && assign
                .targets
                .iter()
                .any(|target| target.as_name_expr().is_some_and(|found| found.id == name))
        {
            values.push(&assign.value);
        }
        if let Stmt::AnnAssign(assign) = stmt
            && assign
                .target
                .as_name_expr()
                .is_some_and(|found| found.id == name)
            && let Some(value) = &assign.value
        {
            values.push(value);
        }
    });
    uses::exprs(&function.body, false, &mut |expr| {
        if let Expr::Call(call) = expr
            && let Some(attribute) = call.func.as_attribute_expr()
            && attribute
                .value
                .as_name_expr()
                .is_some_and(|found| found.id == name)
        {
            match (attribute.attr.as_str(), &*call.arguments.args) {
                ("append", [item]) => values.push(item),
                _ => other = true,
            }
        }
    });
    let is_lost = |item: &Expr| match item {
        Expr::Call(call) => !is_task(checker, call) && !handles_everything(checker, call),
        _ => false,
    };
    let mut any = false;
    for value in values {
        let lost = match value {
            Expr::List(list) if list.elts.is_empty() => continue,
            Expr::List(list) => list.elts.iter().all(is_lost),
            Expr::ListComp(found) => is_lost(&found.elt),
            Expr::Call(call) if uses::called_name(call) == "list" && call.arguments.is_empty() => {
                continue;
            }
            item => is_lost(item),
        };
        if !lost {
            return false;
        }
        any = true;
    }
    any && !other
}

/// A task that others may look at: what a helper makes may have a callback.
fn is_task(checker: &Checker<'_>, call: &ast::ExprCall) -> bool {
    if matches!(
        checker.callee_name(call).as_deref(),
        Some("asyncio.create_task" | "asyncio.ensure_future")
    ) {
        return match call.arguments.args.first() {
            Some(Expr::Call(inner)) => handles_everything(checker, inner),
            _ => true,
        };
    }
    let name = uses::called_name(call);
    name.contains("task")
        || name.contains("future")
        || name == "shield"
        || checker
            .facts(call)
            .is_some_and(|facts| facts.spawns.is_some())
}

fn is_watched(checker: &Checker<'_>, element: &Expr) -> bool {
    match element {
        Expr::Call(call) => is_task(checker, call) || handles_everything(checker, call),
        _ => true,
    }
}

/// Whether the function that is called catches every error of its own: its body is one `try` with `except Exception`.
fn handles_everything(checker: &Checker<'_>, call: &ast::ExprCall) -> bool {
    let context = &checker.context;
    let Some(def) = context
        .callees(call, checker.scope())
        .first()
        .and_then(|callee| callee.def)
    else {
        return false;
    };
    let Some(module) = context.worker.module_of(def) else {
        return false;
    };
    let Some((function, ..)) = module.names().function_at(def.start) else {
        return false;
    };
    let mut found = false;
    uses::stmts(&function.body, &mut |stmt| {
        let Stmt::Try(attempt) = stmt else { return };
        found |= attempt.handlers.iter().any(|handler| {
            let ast::ExceptHandler::ExceptHandler(handler) = handler;
            let mut raises = false;
            uses::stmts(&handler.body, &mut |stmt| raises |= stmt.is_raise_stmt());
            !raises
                && handler.type_.as_ref().is_none_or(|class| {
                    uses::names_in(class)
                        .iter()
                        .any(|name| matches!(*name, "Exception" | "BaseException"))
                })
        });
    });
    found
}
