use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::diagnostic::{Edit, Fix};
use crate::flow::{Flow, FrameKind, Suspension, What, is_suppress};
use crate::handlers;
use crate::names::ScopeId;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds `except SomeError` around a task group whose tasks may raise `SomeError`: also when the task group is in a
    /// function that is awaited there.
    ///
    /// ## Why is this bad?
    /// What the tasks of a group raise arrives in an `ExceptionGroup`, even when it is a single error. The handler never
    /// matches, and the group goes on to a place that is not prepared for it.
    ///
    /// ## Example
    /// ```python
    /// try:
    ///     async with asyncio.TaskGroup() as group:
    ///         group.create_task(fetch())
    /// except ValueError:
    ///     print("bad answer")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// try:
    ///     async with asyncio.TaskGroup() as group:
    ///         group.create_task(fetch())
    /// except* ValueError:
    ///     print("bad answer")
    /// ```
    ///
    /// ## Fix safety
    /// `except` becomes `except*`, for Python 3.11 and later. The fix is unsafe: what is bound by `as` is a group then.
    ///
    /// ## False alarms known
    /// Versions of anyio before 4 and of trio before 0.25 raise a single error as it is.
    "RIA606", "except-around-task-group", default: true, fix: Unsafe,
    hooks: [Stmt(check)],
}

fn check(checker: &Checker<'_>, statement: &Stmt) {
    let Stmt::Try(found) = statement else { return };
    if found.is_star || found.handlers.is_empty() || !checker.in_async() {
        return;
    }
    let context = &checker.context;
    let scope = checker.scope();
    let mut missed: Vec<TextRange> = Vec::new();
    for handler in &found.handlers {
        let ExceptHandler::ExceptHandler(handler) = handler;
        let Some(caught) = &handler.type_ else { break };
        let classes = handlers::classes(context, caught, scope);
        // Who handles groups knows.
        if classes.iter().any(handlers::Class::is_group) {
            return;
        }
        // What comes behind it is another matter, and a broad one catches the group.
        if classes.iter().any(handlers::Class::is_broad) {
            break;
        }
        if classes.is_empty() || !classes.iter().all(is_wrapped) {
            continue;
        }
        missed.push(TextRange::new(handler.start(), caught.end()));
    }
    if missed.is_empty() {
        return;
    }
    let Some(Group { range, through }) = only_a_group(context, &found.body, scope, 0) else {
        return;
    };
    let what = if through { "called here" } else { "here" };
    for at in &missed {
        let mut report = Report::new(
            &RULE,
            *at,
            "This handler never matches: errors of a task group arrive in an exception group",
        )
        .related(checker, range, format!("the task group is {what}"))
        .help("handle it with `except*`, or catch `ExceptionGroup`");
        if let Some(fix) = star_fix(context, found) {
            report = report.fix(fix);
        }
        checker.report(report);
    }
}

/// Errors that come out of a task group bare are no business of this rule.
fn is_wrapped(class: &handlers::Class) -> bool {
    let Some(name) = class.name.as_deref() else {
        return false;
    };
    !class.is_cancellation()
        && !class.is_broad()
        && !matches!(
            name,
            "builtins.TimeoutError"
                | "asyncio.TimeoutError"
                | "asyncio.exceptions.TimeoutError"
                | "trio.TooSlowError"
                | "builtins.KeyboardInterrupt"
                | "builtins.SystemExit"
                | "builtins.GeneratorExit"
        )
}

struct Group {
    range: TextRange,
    /// Whether it is in a function that is called.
    through: bool,
}

/// The task group of a block that can raise nothing but what that group raises.
fn only_a_group(
    context: &Context<'_>,
    body: &[Stmt],
    scope: ScopeId,
    depth: usize,
) -> Option<Group> {
    if depth > 3 {
        return None;
    }
    let flow = Flow::new(context.names(), body, scope);
    let mut found: Option<Group> = None;
    for step in &flow.steps {
        let inside = flow.frames(step.frame).any(|(_, frame)| match frame.kind {
            FrameKind::With {
                item,
                is_async: true,
            } => is_group(context, &item.context_expr, step.scope),
            _ => false,
        });
        // Something on the way may take groups apart.
        let guarded = flow.frames(step.frame).any(|(_, frame)| match frame.kind {
            FrameKind::Try(found) => !found.handlers.is_empty(),
            FrameKind::With { item, is_async } => {
                is_suppress(&item.context_expr)
                    || (!is_group(context, &item.context_expr, step.scope)
                        && !is_harmless_context(context, &item.context_expr, is_async, step.scope))
            }
            FrameKind::Handler(..) | FrameKind::Finally(_) => true,
            _ => false,
        });
        if guarded && !inside {
            return None;
        }
        match &step.what {
            What::Suspend(Suspension::Enter(item) | Suspension::Leave(item))
                if is_group(context, &item.context_expr, step.scope) =>
            {
                if guarded {
                    return None;
                }
                found = Some(Group {
                    range: item.context_expr.range(),
                    through: false,
                });
            }
            _ if inside => {}
            What::Suspend(Suspension::Await(awaited)) => {
                let Expr::Call(call) = &*awaited.value else {
                    return None;
                };
                let def = context.awaited_function(call, step.scope)?;
                let inner = context.in_function(def, |context, function, own| {
                    only_a_group(context, &function.body, own, depth + 1).is_some()
                })?;
                if !inner {
                    return None;
                }
                found = Some(Group {
                    range: awaited.range(),
                    through: true,
                });
            }
            What::Suspend(_) => return None,
            What::Call(call) if !is_harmless(context, call, step.scope) => return None,
            _ => {}
        }
    }
    if body.iter().any(raises) {
        return None;
    }
    found
}

fn raises(statement: &Stmt) -> bool {
    match statement {
        Stmt::Raise(_) | Stmt::Assert(_) => true,
        Stmt::If(found) => {
            found.body.iter().any(raises)
                || found
                    .elif_else_clauses
                    .iter()
                    .any(|clause| clause.body.iter().any(raises))
        }
        Stmt::For(found) => found.body.iter().any(raises),
        Stmt::While(found) => found.body.iter().any(raises),
        _ => false,
    }
}

pub(crate) fn is_group(context: &Context<'_>, expr: &Expr, scope: ScopeId) -> bool {
    matches!(expr, Expr::Call(call) if is_group_call(context, call, scope))
}

fn is_group_call(context: &Context<'_>, call: &ast::ExprCall, scope: ScopeId) -> bool {
    let strict = call
        .arguments
        .find_keyword("strict_exception_groups")
        .is_none_or(|keyword| {
            keyword
                .value
                .as_boolean_literal_expr()
                .is_some_and(|value| value.value)
        });
    strict
        && context.name_of(call, scope).is_some_and(|name| {
            matches!(
                name.as_str(),
                "asyncio.TaskGroup"
                    | "asyncio.taskgroups.TaskGroup"
                    | "anyio.create_task_group"
                    | "trio.open_nursery"
                    | "anyio._core._tasks.create_task_group"
                    | "trio._core._run.open_nursery"
            )
        })
}

fn is_harmless_context(context: &Context<'_>, expr: &Expr, is_async: bool, scope: ScopeId) -> bool {
    let Expr::Call(call) = expr else { return false };
    let name = context.name_of(call, scope);
    name.is_some_and(|name| {
        let (module, last) = crate::locks::split(&name);
        let root = module.split('.').next().unwrap_or(module);
        matches!(root, "asyncio" | "anyio" | "trio" | "async_timeout")
            && matches!(
                (is_async, last),
                (true, "timeout" | "timeout_at")
                    | (
                        false,
                        "CancelScope" | "move_on_after" | "move_on_at" | "fail_after" | "fail_at"
                    )
            )
    })
}

/// Calls that do not raise what somebody would catch by name.
fn is_harmless(context: &Context<'_>, call: &ast::ExprCall, scope: ScopeId) -> bool {
    if is_group_call(context, call, scope) {
        return true;
    }
    match &*call.func {
        Expr::Attribute(found) => matches!(
            found.attr.as_str(),
            "debug"
                | "info"
                | "warning"
                | "error"
                | "append"
                | "items"
                | "keys"
                | "values"
                | "add"
                | "copy"
                | "extend"
                | "time"
        ),
        Expr::Name(found) => {
            let is_builtin = context
                .dotted(&call.func, scope)
                .is_some_and(|name| name.starts_with("builtins."));
            (is_builtin
                && matches!(
                    found.id.as_str(),
                    "len" | "list" | "dict" | "set" | "tuple" | "print" | "str" | "range" | "zip" | "enumerate"
                        | "sorted" | "isinstance" | "bool"
                ))
                // An awaited function of the project: judged where it is awaited.
                || context.awaited_function(call, scope).is_some()
        }
        _ => false,
    }
}

/// All clauses of a `try` are of one kind.
fn star_fix(context: &Context<'_>, found: &ast::StmtTry) -> Option<Fix> {
    if context.python_version() < (3, 11) {
        return None;
    }
    let mut edits = Vec::new();
    for handler in &found.handlers {
        let ExceptHandler::ExceptHandler(handler) = handler;
        // `except*` allows no `return`, `break` or `continue`.
        let ends = crate::flow::ends(&handler.body);
        if handler.type_.is_none() || ends.returns || ends.breaks || ends.continues {
            return None;
        }
        let keyword = ruff_text_size::TextSize::of("except");
        edits.push(Edit::insert(handler.start() + keyword, "*"));
    }
    Some(Fix::risky(
        "Handle the errors in the group with `except*`",
        edits,
    ))
}
