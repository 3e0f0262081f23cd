//! A process that is killed when waiting for it takes too long or fails, but goes on when the waiting is cancelled.

use ruff_python_ast::{self as ast, ExceptHandler, Expr};
use ruff_text_size::{Ranged, TextRange};

use super::caught::{Caught, caught};
use super::{RULE, awaited, handled_otherwise, in_try};
use crate::checker::{Checker, Report};
use crate::flow::{Flow, What};
use crate::locks::method_call;
use crate::uses;

pub(super) fn left_running(checker: &Checker<'_>, flow: &Flow<'_>) {
    let context = &checker.context;
    for found in caught(flow) {
        let Caught {
            index, step, whole, ..
        } = found;
        if !found.is_for_all(context) || handled_otherwise(context, flow, index, whole) {
            continue;
        }
        let killed = flow.steps.iter().find_map(|inner| match inner.what {
            What::Call(call) if flow.within(inner.frame, step.frame) => {
                match method_call(call, &["kill", "terminate"])? {
                    Expr::Name(process) => Some((process, call.range())),
                    _ => None,
                }
            }
            _ => None,
        });
        let Some((process, killed)) = killed else {
            continue;
        };
        let Some(started) = started(flow, process, whole) else {
            continue;
        };
        let waits = flow.steps.iter().any(|inner| {
            matches!(inner.what, What::Call(call)
            if in_try(flow, inner.frame, whole)
                && method_call(call, &["communicate", "wait"]).is_some_and(|owner| {
                    matches!(owner, Expr::Name(name) if name.id == process.id)
                }))
        });
        if !waits || is_known_to_others(checker, process) || killed_by_others(whole, process) {
            continue;
        }
        let Some(suspension) = awaited(context, flow, whole) else {
            continue;
        };
        checker.report(
            Report::new(
                &RULE,
                found.range(),
                format!(
                    "`{}` goes on running when the task is cancelled",
                    process.id
                ),
            )
            .related(checker, started, "it is started here")
            .related(checker, suspension, "a cancellation arrives here")
            .related(checker, killed, "this is skipped")
            .help("kill it in `except BaseException` as well, and raise again"),
        );
    }
}

/// `process = await asyncio.create_subprocess_exec(…)`, before the `try` or in it.
fn started(flow: &Flow<'_>, process: &ast::ExprName, whole: &ast::StmtTry) -> Option<TextRange> {
    flow.steps.iter().find_map(|step| match step.what {
        What::Write {
            target: Expr::Name(target),
            value: Some(Expr::Await(value)),
            ..
        } if target.id == process.id && target.start() < whole.end() => match &*value.value {
            Expr::Call(call)
                if uses::called_name(call).starts_with("create_subprocess_")
                    || uses::called_name(call) == "open_process" =>
            {
                Some(call.range())
            }
            _ => None,
        },
        _ => None,
    })
}

/// Kept by an object or given to a function: somebody else may end it.
fn is_known_to_others(checker: &Checker<'_>, process: &ast::ExprName) -> bool {
    let Some(function) = checker.function() else {
        return true;
    };
    let is_it = |expr: &Expr| matches!(expr, Expr::Name(name) if name.id == process.id);
    let mut found = false;
    uses::exprs(&function.body, true, &mut |expr| {
        if let Expr::Call(call) = expr {
            found |= call.arguments.args.iter().any(is_it)
                || call
                    .arguments
                    .keywords
                    .iter()
                    .any(|keyword| is_it(&keyword.value));
        }
    });
    uses::stmts(&function.body, &mut |stmt| match stmt {
        ast::Stmt::Assign(assign) => {
            found |= is_it(&assign.value) && !assign.targets.iter().all(Expr::is_name_expr);
        }
        ast::Stmt::Return(returned) => found |= returned.value.as_deref().is_some_and(is_it),
        _ => {}
    });
    found
}

/// Another handler of the same `try` that catches everything looks after it.
fn killed_by_others(whole: &ast::StmtTry, process: &ast::ExprName) -> bool {
    whole.handlers.iter().any(|handler| {
        let ExceptHandler::ExceptHandler(handler) = handler;
        handler.type_.is_none() && !uses::loads(&handler.body, process.id.as_str()).is_empty()
    })
}
