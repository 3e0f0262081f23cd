//! An async context manager whose clean-up stands behind its `yield` without a `try`.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;
use rustc_hash::FxHashSet;

use super::RULE;
use crate::checker::{Checker, Report};
use crate::flow::{Flow, FrameKind, Suspension, What, place};

pub(super) fn without_try(checker: &Checker<'_>, flow: &Flow<'_>, function: &ast::StmtFunctionDef) {
    let context = &checker.context;
    let is_context = function.decorator_list.iter().any(|decorator| {
        context
            .dotted(&decorator.expression, checker.scope())
            .is_some_and(|name| name == "contextlib.asynccontextmanager")
    });
    if !is_context || is_lifespan(function) || context.is_test_module() {
        return;
    }
    let mut yields = flow
        .steps
        .iter()
        .enumerate()
        .filter_map(|(index, step)| match step.what {
            What::Suspend(Suspension::Yield(found)) => Some((index, found)),
            _ => None,
        });
    // Which of several `yield` is taken is another question.
    let (Some((index, yielded)), None) = (yields.next(), yields.next()) else {
        return;
    };
    let in_try = flow
        .frames(flow.steps[index].frame)
        .any(|(_, frame)| matches!(frame.kind, FrameKind::Try(_)));
    if in_try {
        return;
    }
    // What was made or touched before it.
    let mut before: FxHashSet<String> = FxHashSet::default();
    for step in &flow.steps[..index] {
        match step.what {
            What::Write { target, .. } => before.extend(place(target)),
            What::Call(call) => {
                if let Expr::Attribute(method) = &*call.func {
                    before.extend(place(&method.value));
                }
            }
            _ => {}
        }
    }
    let undone = flow
        .steps
        .iter()
        .enumerate()
        .skip(index + 1)
        .find_map(|(later, step)| match step.what {
            What::Call(call) if flow.follows(index, later) => {
                let Expr::Attribute(method) = &*call.func else {
                    return None;
                };
                let of_before = place(&method.value).is_some_and(|owner| before.contains(&owner));
                (of_before && undoes(method.attr.as_str())).then_some(call.range())
            }
            _ => None,
        });
    let Some(undone) = undone else { return };
    checker.report(
        Report::new(
            &RULE,
            yielded.range(),
            "What follows this `yield` is skipped when the block fails or is cancelled",
        )
        .related(checker, undone, "this is skipped")
        .help("put the `yield` into a `try`, and what follows it into its `finally`"),
    );
}

/// What a server starts with and ends with: nothing is thrown into it, and the process ends after it.
fn is_lifespan(function: &ast::StmtFunctionDef) -> bool {
    let parameters: Vec<&str> = function
        .parameters
        .iter()
        .map(|parameter| parameter.name().as_str().trim_start_matches('_'))
        .collect();
    function.name.contains("lifespan")
        || parameters
            .iter()
            .any(|name| matches!(*name, "app" | "application" | "server" | "fastapi"))
}

fn undoes(name: &str) -> bool {
    name.split('_').any(|word| {
        matches!(
            word,
            "close"
                | "aclose"
                | "stop"
                | "cancel"
                | "release"
                | "disconnect"
                | "unsubscribe"
                | "unregister"
                | "deregister"
                | "remove"
                | "discard"
                | "terminate"
                | "kill"
                | "detach"
                | "shutdown"
                | "cleanup"
                | "teardown"
                | "unlock"
                | "restore"
        )
    })
}
