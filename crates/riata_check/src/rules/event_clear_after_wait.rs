use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, Suspension, What};
use crate::locks::{classes, locked, method_call, same};
use crate::names::ScopeId;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds an `asyncio.Event` that is cleared after it was waited for, with another `await` in between.
    ///
    /// ## Why is this bad?
    /// The event may be set again during that `await`. Clearing it then loses the second signal, and the next `wait` sleeps through it.
    ///
    /// ## Example
    /// ```python
    /// while True:
    ///     await self.changed.wait()
    ///     await self.save()
    ///     self.changed.clear()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// while True:
    ///     await self.changed.wait()
    ///     self.changed.clear()
    ///     await self.save()
    /// ```
    ///
    /// ## False alarms known
    /// An event that nobody sets while its waiter is busy.
    "RIA705", "event-clear-after-wait", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    for (cleared, step) in flow.steps.iter().enumerate() {
        let What::Call(call) = step.what else {
            continue;
        };
        let Some(event) = method_call(call, &["clear"]).filter(|_| call.arguments.is_empty())
        else {
            continue;
        };
        if !is_event(context, event, step.scope) {
            continue;
        }
        // Who clears and sets it again shuts a gate for a while; no signal of others is lost.
        let is_gate =
            flow.steps
                .iter()
                .skip(cleared)
                .any(|later| match later.what {
                    What::Call(call) => method_call(call, &["set"])
                        .is_some_and(|opened| same(context, opened, event)),
                    _ => false,
                });
        if is_gate {
            continue;
        }
        // The last wait before it.
        let Some(waited) = (0..cleared)
            .rev()
            .find(|index| match &flow.steps[*index].what {
                What::Suspend(Suspension::Await(awaited)) => {
                    waits_for(context, &awaited.value, event)
                }
                _ => false,
            })
        else {
            continue;
        };
        if !flow.follows(waited, cleared) || locked(context, &flow, waited, cleared) {
            continue;
        }
        let between = context
            .suspensions(&flow, waited, cleared)
            .find(|(_, suspension)| !matches!(suspension, Suspension::Leave(_)));
        let Some((_, between)) = between else {
            continue;
        };
        let range = between.range();
        let name = context.source(event);
        checker.report(
            Report::new(
                &RULE,
                call.range(),
                format!("`{name}` is cleared after another `await`: a signal that came meanwhile is lost"),
            )
            .related(checker, flow_range(&flow, waited), "it is waited for here")
            .related(checker, range, "it may be set again here")
            .help("clear it right after the wait"),
        );
    }
}

fn flow_range(flow: &Flow<'_>, index: usize) -> ruff_text_size::TextRange {
    match &flow.steps[index].what {
        What::Suspend(suspension) => suspension.range(),
        _ => ruff_text_size::TextRange::default(),
    }
}

fn is_event(context: &Context<'_>, event: &Expr, scope: ScopeId) -> bool {
    classes(&context.value(event, scope)).is_some_and(|classes| {
        !classes.is_empty()
            && classes
                .iter()
                .all(|class| matches!(*class, "asyncio.Event" | "asyncio.locks.Event"))
    })
}

/// `event.wait()`, also inside of `wait_for(…)`.
fn waits_for(context: &Context<'_>, awaited: &Expr, event: &Expr) -> bool {
    let Expr::Call(call) = awaited else {
        return false;
    };
    method_call(call, &["wait"]).is_some_and(|found| same(context, found, event))
        || call
            .arguments
            .args
            .iter()
            .any(|argument| waits_for(context, argument, event))
}
