use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::cancellation::catches;
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, FrameKind, Suspension, What};
use crate::locks::{LockKind, classes, lock_kind, method_call, same};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds an asyncio lock or semaphore that is acquired by hand and not released when something in between fails or is cancelled:
    /// `release()` stands behind an `await`, and not in a `finally`. Also an event that serves as a lock: `clear()`, an `await`, `set()`.
    ///
    /// ## Why is this bad?
    /// One error or one cancelled task, and the lock stays taken for ever: everybody who wants it waits, and nothing says why.
    ///
    /// ## Example
    /// ```python
    /// await self._lock.acquire()
    /// await self.refresh()
    /// self._lock.release()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async with self._lock:
    ///     await self.refresh()
    /// ```
    ///
    /// ## False alarms known
    /// None.
    "RIA707", "lock-not-released", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    for (taken, step) in flow.steps.iter().enumerate() {
        let What::Call(call) = step.what else {
            continue;
        };
        let (lock, gives, is_event) = if let Some(lock) = method_call(call, &["acquire"]) {
            if lock_kind(context, lock, step.scope) != Some(LockKind::Loop) {
                continue;
            }
            (lock, "release", false)
        } else if let Some(event) =
            method_call(call, &["clear"]).filter(|_| call.arguments.is_empty())
        {
            if !is_event_lock(context, &flow, taken, event) {
                continue;
            }
            (event, "set", true)
        } else {
            continue;
        };
        let released: Vec<usize> = (taken + 1..flow.steps.len())
            .filter(|index| match flow.steps[*index].what {
                What::Call(other) => {
                    method_call(other, &[gives]).is_some_and(|found| same(context, found, lock))
                }
                _ => false,
            })
            .collect();
        // Released by somebody else: a pool's semaphore, a lock that is handed over.
        if !released.iter().any(|index| flow.follows(taken, *index)) {
            continue;
        }
        let protected = released.iter().any(|index| {
            flow.frames(flow.steps[*index].frame)
                .any(|(_, frame)| match frame.kind {
                    FrameKind::Finally(_) => true,
                    FrameKind::Handler(_, handler) => {
                        catches(context, handler.type_.as_deref(), step.scope)
                    }
                    _ => false,
                })
        });
        if protected {
            continue;
        }
        // The await that `acquire` itself is waited for with comes first.
        let risky = released.iter().find_map(|index| {
            flow.between(taken, *index)
                .find_map(|middle| match &flow.steps[middle].what {
                    What::Suspend(suspension)
                        if !suspension.range().contains_range(call.range())
                            && !matches!(suspension, Suspension::Leave(_))
                            && context.suspends(suspension, flow.steps[middle].scope) =>
                    {
                        Some(suspension.range())
                    }
                    _ => None,
                })
        });
        let Some(risky) = risky else { continue };
        let name = context.source(lock);
        let message = if is_event {
            format!("`{name}` is not set again when something fails after it was cleared")
        } else {
            format!("`{name}` is not released when something fails after it was acquired")
        };
        checker.report(
            Report::new(&RULE, call.range(), message)
                .related(
                    checker,
                    risky,
                    "an error or a cancellation here leaves it taken",
                )
                .help(if is_event {
                    "set it in `finally`, or use a lock"
                } else {
                    "use `async with`, or release it in `finally`"
                }),
        );
    }
}

/// An event that is asked (`is_set()`) before it is cleared and set again in the same function keeps others out.
fn is_event_lock(context: &Context<'_>, flow: &Flow<'_>, cleared: usize, event: &Expr) -> bool {
    let scope = flow.steps[cleared].scope;
    let value = context.value(event, scope);
    let is_event = classes(&value).is_some_and(|classes| {
        classes.iter().any(|class| class.ends_with(".Event"))
            && classes.iter().all(|class| !class.starts_with("threading"))
    }) || (classes(&value).is_none_or(|classes| classes.is_empty())
        && context.source(event).to_ascii_lowercase().contains("event"));
    is_event
        && flow.steps[..cleared].iter().any(|step| match step.what {
            What::Call(call) => {
                method_call(call, &["is_set"]).is_some_and(|found| same(context, found, event))
            }
            _ => false,
        })
}
