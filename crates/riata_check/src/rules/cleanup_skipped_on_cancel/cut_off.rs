//! Clean-up that a task's `CancelledError` cuts off: the task was cancelled here, and is awaited where `Exception` alone is kept.

use ruff_python_ast::{self as ast, ExceptHandler, Expr};
use ruff_text_size::{Ranged, TextRange};

use super::RULE;
use crate::cancellation::{catches, swallows};
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, FrameKind, Suspension, What, is_suppress, place};
use crate::handlers;
use crate::locks::{assigned, method_call};
use crate::names::ScopeId;

pub(super) fn by_cancelled_task(checker: &Checker<'_>, flow: &Flow<'_>) {
    let context = &checker.context;
    for (index, step) in flow.steps.iter().enumerate() {
        let What::Suspend(Suspension::Await(awaited)) = &step.what else {
            continue;
        };
        let Some(task) = place(&awaited.value) else {
            continue;
        };
        let cancelled = flow.steps[..index]
            .iter()
            .enumerate()
            .find_map(|(at, other)| {
                let What::Call(call) = other.what else {
                    return None;
                };
                let owner = method_call(call, &["cancel"])?;
                (place(owner).as_deref() == Some(task.as_str()) && flow.follows(at, index))
                    .then_some(call.range())
            });
        let Some(cancelled) = cancelled else { continue };
        let Some(kept) = keeps_errors_alone(context, flow, index) else {
            continue;
        };
        let goes_on = flow
            .steps
            .iter()
            .enumerate()
            .skip(index + 1)
            .any(|(later, other)| {
                flow.follows(index, later)
                    && match other.what {
                        What::Call(call) => !crate::cancellation::is_logging(call),
                        What::Write { target, .. } => target.is_attribute_expr(),
                        _ => false,
                    }
            });
        if !goes_on || ends_quietly(context, &awaited.value, step.scope) {
            continue;
        }
        checker.report(
            Report::new(
                &RULE,
                awaited.range(),
                format!(
                    "The `CancelledError` of `{task}` gets out here, and what follows is skipped"
                ),
            )
            .related(checker, cancelled, "it is cancelled here")
            .related(checker, kept, "`CancelledError` is no `Exception`")
            .help(format!("wait for it with `await asyncio.wait([{task}])`")),
        );
    }
}

/// Where errors are kept around a step and a cancellation is not: nothing further out does it either.
fn keeps_errors_alone(context: &Context<'_>, flow: &Flow<'_>, index: usize) -> Option<TextRange> {
    let step = flow.steps[index];
    let is_exception = |class: &Expr| {
        handlers::classes(context, class, step.scope)
            .iter()
            .any(|class| class.is(&["builtins.Exception"]))
    };
    let mut found = None;
    for (_, frame) in flow.frames(step.frame) {
        match frame.kind {
            FrameKind::With {
                item,
                is_async: false,
            } if is_suppress(&item.context_expr) => {
                let Expr::Call(call) = &item.context_expr else {
                    continue;
                };
                let classes = &call.arguments.args;
                if classes
                    .iter()
                    .any(|class| catches(context, Some(class), step.scope))
                {
                    return None;
                }
                found = found.or(classes
                    .iter()
                    .find(|class| is_exception(class))
                    .map(Ranged::range));
            }
            FrameKind::Try(whole) => {
                for handler in &whole.handlers {
                    let ExceptHandler::ExceptHandler(handler) = handler;
                    let class = handler.type_.as_deref();
                    if catches(context, class, step.scope) {
                        return None;
                    }
                    found = found.or(class.filter(|class| is_exception(class)).map(Ranged::range));
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether the function that a task runs keeps a cancellation to itself, so that awaiting the task raises nothing.
fn ends_quietly(context: &Context<'_>, task: &Expr, scope: ScopeId) -> bool {
    assigned(context, task, scope)
        .into_iter()
        .any(|(value, scope)| {
            let Expr::Call(started) = value else {
                return false;
            };
            started.arguments.args.iter().any(|given| match given {
                Expr::Call(call) => keeps_cancellation(context, call, scope),
                _ => false,
            })
        })
}

fn keeps_cancellation(context: &Context<'_>, call: &ast::ExprCall, scope: ScopeId) -> bool {
    let Some(def) = context.called_function(call, scope) else {
        return false;
    };
    context
        .in_function(def, |context, _, own| !swallows(context, own).is_empty())
        .unwrap_or(false)
}
