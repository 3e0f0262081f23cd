//! A future that waits in a shared dictionary for its answer, and is taken out when the time is up but not when the waiting is
//! cancelled: `self.pending[id] = future`, `except TimeoutError: self.pending.pop(id)`.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use super::caught::{Caught, caught};
use super::{RULE, awaited, handled_otherwise};
use crate::checker::{Checker, Report};
use crate::flow::{Flow, What};
use crate::locks::method_call;
use crate::shared::shared;
use crate::uses;

pub(super) fn left_in(checker: &Checker<'_>, flow: &Flow<'_>) {
    let context = &checker.context;
    for found in caught(flow) {
        let Caught {
            index, step, whole, ..
        } = found;
        if !found.is_for_all(context) || handled_otherwise(context, flow, index, whole) {
            continue;
        }
        let taken_out = flow.steps[index..].iter().find_map(|inner| {
            let (owner, key, range) = match inner.what {
                What::Call(call) => (
                    method_call(call, &["pop"])?,
                    call.arguments.args.first()?,
                    call.range(),
                ),
                What::Delete(Expr::Subscript(found)) => {
                    (&*found.value, &*found.slice, found.range())
                }
                _ => return None,
            };
            let owner = shared(context, owner, inner.scope)?;
            flow.within(inner.frame, step.frame)
                .then(|| (owner, context.source(key), range))
        });
        let Some((owner, key, taken_out)) = taken_out else {
            continue;
        };
        let put_in = flow.steps[..index]
            .iter()
            .find_map(|inner| match inner.what {
                What::Write {
                    target: Expr::Subscript(found),
                    value: Some(value),
                    ..
                } if context.source(&*found.slice) == key
                    && shared(context, &found.value, inner.scope).as_deref()
                        == Some(owner.as_str())
                    && is_future(flow, value)
                    && waited_for(flow, value, whole) =>
                {
                    Some(found.range())
                }
                _ => None,
            });
        let Some(put_in) = put_in else { continue };
        let Some(suspension) = awaited(context, flow, whole) else {
            continue;
        };
        checker.report(
            Report::new(
                &RULE,
                found.range(),
                format!("`{owner}[{key}]` stays behind when the task is cancelled"),
            )
            .related(checker, put_in, "it is put there here")
            .related(checker, suspension, "a cancellation arrives here")
            .related(checker, taken_out, "this is skipped")
            .help("take it out in `finally`"),
        );
    }
}

/// `loop.create_future()`, `asyncio.Future()`, or a local that one was given to.
fn is_future(flow: &Flow<'_>, value: &Expr) -> bool {
    match value {
        Expr::Call(call) => matches!(uses::called_name(call), "create_future" | "Future"),
        Expr::Name(name) => flow.steps.iter().any(|step| match step.what {
            What::Write {
                target: Expr::Name(target),
                value: Some(value @ Expr::Call(_)),
                ..
            } => target.id == name.id && is_future(flow, value),
            _ => false,
        }),
        _ => false,
    }
}

/// Whether the local that a future is kept in is read in the body of a `try`: it is what is waited for there.
fn waited_for(flow: &Flow<'_>, value: &Expr, whole: &ast::StmtTry) -> bool {
    let is_it = |read: &ast::ExprName| match value {
        Expr::Name(local) => read.id == local.id,
        // `self.pending[key] = future = loop.create_future()`
        _ => flow.steps.iter().any(|step| match step.what {
            What::Write {
                target: Expr::Name(target),
                value: Some(written),
                ..
            } => target.id == read.id && written.range() == value.range(),
            _ => false,
        }),
    };
    flow.steps.iter().any(|step| match step.what {
        What::Read(Expr::Name(read)) => {
            is_it(read)
                && whole
                    .body
                    .iter()
                    .any(|stmt| stmt.range().contains_range(read.range()))
        }
        _ => false,
    })
}
