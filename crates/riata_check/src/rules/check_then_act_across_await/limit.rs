//! What is tested before an `await` and changed after it: a queue that is filled to a limit, a state that a woken task changes.

use ruff_python_ast::{self as ast, CmpOp, Expr};
use ruff_text_size::Ranged;

use super::RULE;
use crate::checker::{Checker, Report};
use crate::flow::{Flow, Repeats, Suspension, What, place};
use crate::locks::{locked, method_call};
use crate::shared::shared;

/// `while queue.qsize() < limit: …; await …; queue.put(…)`.
pub(super) fn filled(checker: &Checker<'_>, flow: &Flow<'_>) -> Option<Report> {
    let context = &checker.context;
    for (checked, step) in flow.steps.iter().enumerate() {
        let What::Call(sized) = step.what else {
            continue;
        };
        let container = match &*sized.func {
            Expr::Attribute(found) if found.attr.as_str() == "qsize" => &*found.value,
            Expr::Name(found) if found.id == "len" => match &*sized.arguments.args {
                [container] => container,
                _ => continue,
            },
            _ => continue,
        };
        let Some(text) = shared(context, container, step.scope) else {
            continue;
        };
        // In the test of a loop that fills it.
        let Some((around, test)) = flow
            .loops(step.frame)
            .find_map(|(id, repeats)| match repeats {
                Repeats::While(found) if found.test.range().contains_range(sized.range()) => {
                    Some((id, &*found.test))
                }
                _ => None,
            })
        else {
            continue;
        };
        if !is_below(test, sized) {
            continue;
        }
        let filled = flow
            .steps
            .iter()
            .enumerate()
            .skip(checked)
            .find(|(index, step)| match step.what {
                What::Call(call) => {
                    flow.within(step.frame, around)
                        && flow.follows(checked, *index)
                        && method_call(call, &["put", "put_nowait", "append", "add", "appendleft"])
                            .and_then(place)
                            .as_deref()
                            == Some(text.as_str())
                }
                _ => false,
            });
        let Some((filled, put)) = filled else {
            continue;
        };
        let Some(suspension) =
            flow.between(checked, filled)
                .find_map(|middle| match &flow.steps[middle].what {
                    What::Suspend(suspension)
                        if context.suspends(suspension, flow.steps[middle].scope) =>
                    {
                        Some(suspension.range())
                    }
                    _ => None,
                })
        else {
            continue;
        };
        if locked(context, flow, checked, filled) {
            continue;
        }
        let What::Call(put) = put.what else { continue };
        let report = Report::new(
            &RULE,
            test.range(),
            format!(
                "`{text}` is filled after an `await`, so several tasks may fill it beyond the limit"
            ),
        )
        .related(checker, suspension, "other tasks run here")
        .related(checker, put.range(), "it is filled here")
        .help("hold an `asyncio.Lock` from the check to the filling");
        return Some(report);
    }
    None
}

/// `size < limit`, somewhere in a test.
fn is_below(test: &Expr, sized: &ast::ExprCall) -> bool {
    match test {
        Expr::BoolOp(found) => found.values.iter().any(|value| is_below(value, sized)),
        Expr::Compare(found) => {
            found.left.range() == sized.range()
                && matches!(found.ops.first(), Some(CmpOp::Lt | CmpOp::LtE))
        }
        _ => false,
    }
}

/// A state is tested, then a future awaited until somebody gives way, and only the woken task changes the state.
pub(super) fn changed_when_woken(
    checker: &Checker<'_>,
    flow: &Flow<'_>,
    reports: &mut Vec<Report>,
) {
    let context = &checker.context;
    for (woken, step) in flow.steps.iter().enumerate() {
        let What::Suspend(Suspension::Await(awaited)) = &step.what else {
            continue;
        };
        let Expr::Name(future) = &*awaited.value else {
            continue;
        };
        let made_here = flow.steps[..woken].iter().any(|step| match step.what {
            What::Write {
                target: Expr::Name(name),
                value: Some(Expr::Call(call)),
                ..
            } => name.id == future.id && method_call(call, &["create_future"]).is_some(),
            _ => false,
        });
        // A loop asks again.
        if !made_here || flow.loops(step.frame).next().is_some() {
            continue;
        }
        let Some(next) = flow.steps.get(woken + 1..).and_then(|rest| {
            rest.iter()
                .enumerate()
                .take(3)
                .find_map(|(offset, step)| match step.what {
                    What::Write {
                        target,
                        augmented: true,
                        ..
                    } => Some((woken + 1 + offset, target)),
                    _ => None,
                })
        }) else {
            continue;
        };
        let Some(text) = shared(context, next.1, step.scope) else {
            continue;
        };
        let tested = flow.steps[..woken].iter().any(|step| match step.what {
            What::Write {
                target,
                augmented: true,
                ..
            } => place(target).as_deref() == Some(text.as_str()),
            _ => false,
        });
        if tested && !locked(context, flow, woken, next.0) {
            reports.push(
                Report::new(
                    &RULE,
                    next.1.range(),
                    format!("`{text}` is changed only when the woken task runs: another task may change it before"),
                )
                .related(checker, awaited.range(), "between the waking and the running, other tasks run")
                .help("change it where the future's result is set"),
            );
        }
    }
}
