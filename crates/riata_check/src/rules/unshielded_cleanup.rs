use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use crate::cancellation::shielded;
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Suspension, What};
use crate::names::ScopeId;
use crate::rules::{await_in_finally, rule};
use crate::uses;

rule! {
    /// ## What it does
    /// Finds the awaits in `finally`, and in handlers of cancellation, that nothing shields: in any code, asyncio's too, and whatever
    /// is awaited. Off by default: `await-in-finally` reports those that a cancelled scope of anyio or trio certainly breaks off.
    ///
    /// ## Why is this bad?
    /// Clean-up is what runs when a task is cancelled, and it is cancelled itself where it waits: at once in a cancelled scope of anyio
    /// or trio, and with asyncio when the task is cancelled a second time, as a server does with tasks that do not end in time. What
    /// comes after it does not run, and the container, the lease or the temporary file stays.
    ///
    /// ## Example
    /// ```python
    /// try:
    ///     await run(sandbox)
    /// finally:
    ///     await sandbox.stop()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// try:
    ///     await run(sandbox)
    /// finally:
    ///     with anyio.CancelScope(shield=True):
    ///         await sandbox.stop()
    /// ```
    ///
    /// With asyncio: `await asyncio.shield(sandbox.stop())`.
    ///
    /// ## False alarms known
    /// Clean-up that may as well be left undone, and functions that are shielded as a whole.
    "RIA612", "unshielded-cleanup", default: false, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let context = &checker.context;
    if !function.is_async || await_in_finally::is_test(context) {
        return;
    }
    let flow = context.flow(checker.scope());
    let reported_there = await_in_finally::found(checker, function);
    let mut reported: Vec<TextRange> = Vec::new();
    for step in &flow.steps {
        let What::Suspend(Suspension::Await(awaited)) = &step.what else {
            continue;
        };
        let Some(place) = await_in_finally::cleaning(context, &flow, step.frame, step.scope) else {
            continue;
        };
        if reported.contains(&place.range)
            || reported_there
                .iter()
                .any(|(_, there, _)| *there == place.range)
            || shielded(context, &flow, step.frame, step.scope)
            || !can_break_off(context, awaited, step.scope, 0)
            || !context.suspends(&Suspension::Await(awaited), step.scope)
        {
            continue;
        }
        reported.push(place.range);
        checker.report(
            Report::new(
                &RULE,
                awaited.range(),
                format!(
                    "A cancellation breaks this off: it waits in {} without a shield",
                    place.what
                ),
            )
            .help("put it into `CancelScope(shield=True)`, or `await asyncio.shield(…)`"),
        );
    }
}

/// Whether a cancellation breaks an await off: not where all that it leads to is shielded.
fn can_break_off(
    context: &Context<'_>,
    awaited: &ast::ExprAwait,
    scope: ScopeId,
    depth: usize,
) -> bool {
    if is_shielded_call(context, awaited) {
        return false;
    }
    let ast::Expr::Call(call) = &*awaited.value else {
        return true;
    };
    let Some(def) = context.awaited_function(call, scope).filter(|_| depth < 4) else {
        return true;
    };
    context
        .in_function(def, |context, _, own| {
            let flow = context.flow(own);
            flow.steps.iter().any(|step| match &step.what {
                What::Suspend(_) if shielded(context, &flow, step.frame, step.scope) => false,
                What::Suspend(Suspension::Await(inner)) => {
                    can_break_off(context, inner, step.scope, depth + 1)
                }
                What::Suspend(_) => true,
                _ => false,
            })
        })
        .unwrap_or(true)
}

/// `await asyncio.shield(…)`, also in `wait_for`.
fn is_shielded_call(context: &Context<'_>, awaited: &ast::ExprAwait) -> bool {
    let mut found = false;
    uses::exprs_in(&awaited.value, false, &mut |expr| {
        found |= match expr {
            ast::Expr::Call(call) => {
                uses::called_name(call) == "shield"
                    || context.source(&*call.func).contains("shield")
            }
            _ => false,
        };
    });
    found
}
