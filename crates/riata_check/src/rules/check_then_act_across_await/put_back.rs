//! What is taken out of a shared dictionary and put back after an `await`: others find it missing in between.

use ruff_python_ast::Expr;
use ruff_text_size::Ranged;

use super::RULE;
use crate::checker::{Checker, Report};
use crate::flow::{Flow, FrameId, FrameKind, What, place};
use crate::locks::{locked, method_call};
use crate::shared::shared;

pub(super) fn put_back(checker: &Checker<'_>, flow: &Flow<'_>) -> Vec<Report> {
    let context = &checker.context;
    let mut reports = Vec::new();
    for (out, step) in flow.steps.iter().enumerate() {
        let (owner, key) = match step.what {
            What::Call(call) => match (method_call(call, &["pop"]), call.arguments.args.first()) {
                (Some(owner), Some(key)) => (owner, key),
                _ => continue,
            },
            What::Delete(Expr::Subscript(found)) => (&*found.value, &*found.slice),
            _ => continue,
        };
        // A list's `pop(0)` takes what comes first, and what is only dropped was no longer good.
        if key.is_number_literal_expr() || key.is_unary_op_expr() || !is_used(flow, out) {
            continue;
        }
        let Some(text) = shared(context, owner, step.scope) else {
            continue;
        };
        let key = context.source(key);
        let is_it = |target: &Expr| match target {
            Expr::Subscript(found) => {
                place(&found.value).as_deref() == Some(text.as_str())
                    && context.source(&*found.slice) == key
            }
            _ => false,
        };
        let back = flow
            .steps
            .iter()
            .enumerate()
            .skip(out + 1)
            .find_map(|(index, step)| match step.what {
                What::Write { target, .. }
                    if is_it(target)
                        && flow.follows(out, index)
                        && !undoes(flow, out, step.frame) =>
                {
                    Some((index, target))
                }
                _ => None,
            });
        let Some((index, target)) = back else {
            continue;
        };
        let suspension = context.suspensions(flow, out, index).next();
        let suspension = suspension.map(|(_, suspension)| suspension.range());
        let Some(suspension) = suspension.filter(|_| !locked(context, flow, out, index)) else {
            continue;
        };
        let range = match step.what {
            What::Call(call) => call.range(),
            _ => owner.range(),
        };
        reports.push(
            Report::new(
                &RULE,
                target.range(),
                format!("`{text}[{key}]` is missing from the taking out to here, and others may make it meanwhile"),
            )
            .related(checker, range, "it is taken out here")
            .related(checker, suspension, "other tasks run here")
            .help("hold an `asyncio.Lock` for the key from the taking out to the putting back"),
        );
    }
    reports
}

/// Whether what is taken out is kept in a local: `client = self.clients.pop(key, None)`, `del` after it was read.
fn is_used(flow: &Flow<'_>, out: usize) -> bool {
    match flow.steps[out].what {
        What::Call(call) => flow.steps.get(out + 1).is_some_and(|next| match next.what {
            What::Write {
                target: Expr::Name(_),
                value: Some(value),
                ..
            } => value.range() == call.range(),
            _ => false,
        }),
        What::Delete(deleted) => {
            let text = |expr: &Expr| match expr {
                Expr::Subscript(found) => place(&found.value),
                _ => None,
            };
            flow.steps[..out].iter().any(|step| match step.what {
                What::Write {
                    target: Expr::Name(_),
                    value: Some(value),
                    ..
                } => text(value).is_some() && text(value) == text(deleted),
                _ => false,
            })
        }
        _ => false,
    }
}

/// A handler that puts back what was taken out for nothing.
fn undoes(flow: &Flow<'_>, out: usize, frame: FrameId) -> bool {
    flow.frames(frame).any(|(id, frame)| {
        matches!(frame.kind, FrameKind::Handler(..)) && !flow.within(flow.steps[out].frame, id)
    })
}
