//! Locks that stay taken on a way through the function, or on all.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged;

use super::RULE;
use crate::annotations::last_name;
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, FrameKind, What};
use crate::locks::assigned;
use crate::names::{Binding, ScopeId};
use crate::shared::shared;
use crate::uses;

/// Whether nothing in the module releases a lock, or hands it to somebody who might.
pub(super) fn is_released_nowhere(context: &Context<'_>, lock: &Expr, scope: ScopeId) -> bool {
    let Some(name) = last_name(lock) else {
        return false;
    };
    // A parameter belongs to the caller, and what is not the object's own to somebody else.
    let is_own = match lock {
        Expr::Name(local) => context
            .names()
            .lookup(local.id.as_str(), scope)
            .is_some_and(|(_, bindings)| {
                bindings
                    .iter()
                    .all(|binding| matches!(binding, Binding::Value(Expr::Call(_))))
            }),
        _ => shared(context, lock, scope).is_some(),
    };
    // One that begins taken is a signal, and somebody else gives it.
    let begins_taken = assigned(context, lock, scope).iter().any(|(value, _)| {
        matches!(value, Expr::Call(made) if made.arguments.args.first().is_some_and(|first| context.source(first) == "0"))
    });
    if !is_own || begins_taken {
        return false;
    }
    // What is asked of the lock itself: anything but that hands it on.
    let mut harmless = Vec::new();
    let mut released = false;
    let mut reads = Vec::new();
    uses::exprs(context.text().body(), true, &mut |expr| match expr {
        Expr::Attribute(method) if last_name(&method.value) == Some(name) => {
            match method.attr.as_str() {
                "acquire" | "locked" => harmless.push(method.value.range()),
                _ => released = true,
            }
            if is_read(expr, name) {
                reads.push(expr.range());
            }
        }
        expr if is_read(expr, name) => reads.push(expr.range()),
        _ => {}
    });
    !released && reads.iter().all(|read| harmless.contains(read))
}

fn is_read(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Name(found) => found.ctx.is_load() && found.id == name,
        Expr::Attribute(found) => found.ctx.is_load() && found.attr.as_str() == name,
        _ => false,
    }
}

/// `await lock.acquire()`, `if …: return`, and only then `lock.release()`.
pub(super) fn left_on_a_way(
    checker: &Checker<'_>,
    flow: &Flow<'_>,
    taken: usize,
    lock: &Expr,
    released: &[usize],
) {
    let context = &checker.context;
    let What::Call(call) = flow.steps[taken].what else {
        return;
    };
    let left = (taken + 1..flow.steps.len()).find_map(|index| {
        let step = flow.steps[index];
        let range = match step.what {
            // Who says that it holds the lock hands it to the caller.
            What::Return(found)
                if !found.value.as_deref().is_some_and(
                    |value| matches!(value, Expr::BooleanLiteral(value) if value.value),
                ) =>
            {
                found.range()
            }
            What::Raise(found) => found.range(),
            _ => return None,
        };
        let is_given_back = released
            .iter()
            .any(|release| flow.follows(taken, *release) && flow.follows(*release, index));
        // What comes after it is the way on, and it lies in a part of that.
        let is_skipped = released.iter().any(|release| {
            let frame = flow.steps[*release].frame;
            *release > index
                && flow.within(step.frame, frame)
                && step.frame != frame
                && !in_handler(flow, frame)
        });
        (flow.follows(taken, index) && !is_given_back && is_skipped && !in_try(flow, index, call))
            .then_some(range)
    });
    let Some(left) = left else { return };
    let name = context.source(lock);
    checker.report(
        Report::new(
            &RULE,
            call.range(),
            format!("`{name}` is not released on every way out of the function"),
        )
        .related(checker, left, "it stays taken here")
        .help("use `async with`, or release it in `finally`"),
    );
}

fn in_handler(flow: &Flow<'_>, frame: crate::flow::FrameId) -> bool {
    flow.frames(frame)
        .any(|(_, frame)| matches!(frame.kind, FrameKind::Handler(..)))
}

/// Whether a step lies in a `try` that may release after it, or in a handler of the very call that acquires.
fn in_try(flow: &Flow<'_>, index: usize, acquire: &ExprCall) -> bool {
    flow.frames(flow.steps[index].frame)
        .any(|(_, frame)| match frame.kind {
            FrameKind::Try(found) => {
                let gives_back = !found.finalbody.is_empty() || !found.handlers.is_empty();
                gives_back && !found.range().contains_range(acquire.range())
            }
            FrameKind::Handler(found, _) => found.range().contains_range(acquire.range()),
            _ => false,
        })
}
