use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::cancellation::catches;
use crate::checker::{Checker, Report};
use crate::context::{Awaitable, Context};
use crate::flow::{Flow, FrameId, FrameKind, Suspension, What};
use crate::names::ScopeId;
use crate::rules::await_in_finally::cleaning;
use crate::rules::rule;
use crate::tasks::spawned;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds `await asyncio.shield(task)` where only a local name refers to the task, or nothing does: `await asyncio.shield(save())`.
    ///
    /// ## Why is this bad?
    /// When the function is cancelled, the shielded task goes on and the local is gone. The event loop keeps weak references to tasks only:
    /// the task may be collected before it is done, and nobody sees its exception.
    ///
    /// ## Example
    /// ```python
    /// task = asyncio.create_task(self.resolve(host))
    /// return await asyncio.shield(task)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// task = asyncio.create_task(self.resolve(host))
    /// self.tasks.add(task)
    /// task.add_done_callback(self.tasks.discard)
    /// return await asyncio.shield(task)
    /// ```
    ///
    /// ## False alarms known
    /// A task that is kept by what it waits for. What is shielded in clean-up (`finally`, `__aexit__`, `close`) is not reported: it
    /// takes a second cancellation to lose it.
    "RIA609", "shielded-task-lost", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    let cleans_up =
        function.name.as_str() == "__aexit__" || uses::is_cleanup_name(function.name.as_str());
    for step in &flow.steps {
        let What::Suspend(Suspension::Await(awaited)) = &step.what else {
            continue;
        };
        let Some(shield) = shield_in(context, &awaited.value, step.scope) else {
            continue;
        };
        let task = match &*shield.arguments.args {
            [Expr::Name(task)] => task,
            [argument @ Expr::Call(made)] => {
                if !cleans_up
                    && makes_task(context, argument, made, step.scope)
                    && !only_waits(context, made, step.scope)
                    && cleaning(context, &flow, step.frame, step.scope).is_none()
                    && !is_handled(context, &flow, step.frame, step.scope)
                {
                    let name = context.source(&*made.func);
                    checker.report(
                        Report::new(
                            &RULE,
                            shield.range(),
                            format!("The shielded task of `{name}` is lost when this is cancelled: nothing refers to it"),
                        )
                        .help("start it with `asyncio.create_task`, and keep the task in a set until it is done"),
                    );
                }
                continue;
            }
            _ => continue,
        };
        let made_here = flow.steps.iter().any(|other| match other.what {
            What::Write {
                target: Expr::Name(name),
                value: Some(Expr::Call(call)),
                ..
            } => {
                name.id == task.id
                    && context.callee_name(call, other.scope).is_some_and(|name| {
                        name.ends_with(".create_task") || name == "asyncio.ensure_future"
                    })
                    && !context
                        .callee_name(call, other.scope)
                        .is_some_and(|name| name.contains("TaskGroup"))
            }
            _ => false,
        });
        if !made_here {
            continue;
        }
        // Any other use may keep it, but for a callback of its own, which does not.
        let kept = flow.steps.iter().any(|other| match other.what {
            What::Read(expr @ Expr::Name(name)) => {
                name.id == task.id
                    && !shield.range().contains_range(expr.range())
                    && !is_callback(
                        context
                            .text()
                            .text
                            .get(usize::from(expr.end())..)
                            .unwrap_or_default(),
                    )
            }
            _ => false,
        });
        if !kept {
            checker.report(
                Report::new(
                    &RULE,
                    shield.range(),
                    format!(
                        "The shielded task is lost when this is cancelled: only `{}` refers to it",
                        task.id
                    ),
                )
                .help("keep the task in a set until it is done"),
            );
        }
    }
}

/// Whether something is done when the task that waits is cancelled there, such as to end what is shielded.
fn is_handled(context: &Context<'_>, flow: &Flow<'_>, frame: FrameId, scope: ScopeId) -> bool {
    flow.frames(frame).any(|(_, frame)| match frame.kind {
        FrameKind::Try(found) => found.handlers.iter().any(|handler| {
            let ast::ExceptHandler::ExceptHandler(handler) = handler;
            catches(context, handler.type_.as_deref(), scope)
                && handler
                    .body
                    .iter()
                    .any(|stmt| !matches!(stmt, ast::Stmt::Pass(_) | ast::Stmt::Raise(_)))
        }),
        _ => false,
    })
}

/// `shield(…)`, also in `wait_for(shield(…), 1)`.
fn shield_in<'e>(
    context: &Context<'_>,
    awaited: &'e Expr,
    scope: ScopeId,
) -> Option<&'e ast::ExprCall> {
    let Expr::Call(call) = awaited else {
        return None;
    };
    match context.callee_name(call, scope).as_deref() {
        Some("asyncio.shield") => Some(call),
        Some("asyncio.wait_for") => {
            let inner = call.arguments.args.first()?.as_call_expr()?;
            (context.callee_name(inner, scope).as_deref() == Some("asyncio.shield"))
                .then_some(inner)
        }
        _ => None,
    }
}

/// Whether `shield` itself makes the task, of a coroutine, or gets one that was just started.
fn makes_task(
    context: &Context<'_>,
    argument: &Expr,
    made: &ast::ExprCall,
    scope: ScopeId,
) -> bool {
    spawned(context, made, scope).is_some_and(|spawn| !spawn.awaited)
        || context.awaitable(argument, scope) == Awaitable::Coroutine
}

/// Whether a coroutine of the project does nothing but wait for what an object has: that keeps its task.
fn only_waits(context: &Context<'_>, made: &ast::ExprCall, scope: ScopeId) -> bool {
    let Some(def) = context.called_function(made, scope) else {
        return false;
    };
    context
        .in_function(def, |context, _, own| {
            let flow = context.flow(own);
            let mut waits = flow.steps.iter().filter_map(|step| match &step.what {
                What::Suspend(suspension) => Some(suspension),
                _ => None,
            });
            waits.next().is_some_and(|first| {
                matches!(first, Suspension::Await(awaited) if awaited.value.is_attribute_expr())
            }) && waits.next().is_none()
        })
        .unwrap_or(false)
}

/// `.add_done_callback(`, right behind the name.
fn is_callback(rest: &str) -> bool {
    rest.starts_with(".add_done_callback(")
        && !rest.lines().next().unwrap_or_default().contains("discard")
}
