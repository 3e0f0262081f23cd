use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::cancellation::{catches, is_logging};
use crate::checker::{Checker, Report};
use crate::flow::What;
use crate::rules::cleanup_skipped_on_cancel::caught::{Caught, caught};
use crate::rules::cleanup_skipped_on_cancel::{self, awaited, handled_otherwise, left_set};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds handlers of all errors, or of a timeout, that clean up around an `await` (close, disconnect, kill, release, roll back, mark
    /// as failed, reset an attribute, tell those who wait), where nothing does the same when the task is cancelled. Also a flag or a
    /// counter that is set, and put back after an `await` without a `finally`. Off by
    /// default: `cleanup-skipped-on-cancel` reports those where something is certainly lost.
    ///
    /// ## Why is this bad?
    /// A cancellation is an error like another for what was begun: the connection is half open, the job is marked as running, those who
    /// wait for the result wait for ever. `except Exception` does not see it.
    ///
    /// ## Example
    /// ```python
    /// try:
    ///     await self.client.connect(host)
    ///     await self.synchronize()
    /// except Exception:
    ///     self.disconnect()
    ///     raise
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// try:
    ///     await self.client.connect(host)
    ///     await self.synchronize()
    /// except BaseException:
    ///     self.disconnect()
    ///     raise
    /// ```
    ///
    /// ## False alarms known
    /// What may stay as it is when the task is cancelled, since it goes away with the task.
    "RIA610", "cleanup-on-error-only", default: false, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    for left in left_set::found(checker, &flow) {
        if !left.keeps_out {
            checker.report(left.report(checker, &RULE));
        }
    }
    let reported: Vec<TextRange> = cleanup_skipped_on_cancel::found(checker, &flow)
        .into_iter()
        .map(|report| report.range)
        .collect();
    for found in caught(&flow) {
        let Caught {
            index,
            step,
            whole,
            class,
            ..
        } = found;
        let range = found.range();
        if !found.is_for_all(context)
            || catches(context, Some(class), step.scope)
            || handled_otherwise(context, &flow, index, whole)
            || reported.contains(&range)
        {
            continue;
        }
        let Some(suspension) = awaited(context, &flow, whole) else {
            continue;
        };
        let Some(cleaning) = flow
            .steps
            .iter()
            .skip(index)
            .filter(|inner| flow.within(inner.frame, step.frame))
            .find_map(|inner| cleans(&inner.what))
        else {
            continue;
        };
        checker.report(
            Report::new(
                &RULE,
                range,
                "This cleans up after an error, and nothing does when the task is cancelled",
            )
            .related(checker, suspension, "a cancellation arrives here")
            .related(checker, cleaning, "this is skipped")
            .help("clean up in `except BaseException` or in `finally`"),
        );
    }
}

fn cleans(what: &What<'_>) -> Option<TextRange> {
    match what {
        What::Call(call) if !is_logging(call) => {
            let name = crate::uses::called_name(call);
            name.split('_')
                .any(|word| is_cleaning_word(&word.to_ascii_lowercase()))
                .then_some(call.range())
        }
        What::Write {
            target: target @ Expr::Attribute(_),
            value: Some(Expr::NoneLiteral(_) | Expr::BooleanLiteral(_)),
            ..
        } => Some(target.range()),
        // `self.error = …`, `job.status = FAILED`: whoever looks at it believes that it goes on.
        What::Write {
            target: target @ Expr::Attribute(attribute),
            ..
        } if attribute
            .attr
            .split('_')
            .any(|word| matches!(word, "error" | "exception" | "status" | "state" | "failed")) =>
        {
            Some(target.range())
        }
        _ => None,
    }
}

fn is_cleaning_word(word: &str) -> bool {
    matches!(
        word,
        "close"
            | "aclose"
            | "disconnect"
            | "release"
            | "kill"
            | "terminate"
            | "cancel"
            | "abort"
            | "aborted"
            | "unregister"
            | "unsubscribe"
            | "rollback"
            | "stop"
            | "shutdown"
            | "undo"
            | "cleanup"
            | "free"
            | "delete"
            | "remove"
            | "discard"
            | "destroy"
            | "teardown"
            | "detach"
            | "revert"
            | "restore"
            | "unlock"
            | "invalidate"
            | "failed"
            | "fail"
    ) || word == "exception"
}
