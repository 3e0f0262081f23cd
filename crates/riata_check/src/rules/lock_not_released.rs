mod never;

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
    /// `release()` stands behind an `await`, and not in a `finally`, or a `return` or `raise` comes before it. Also one that is released
    /// nowhere, an event that serves
    /// as a lock (`clear()`, an `await`, `set()`), and a lock of threads that is acquired by a thread of an executor.
    ///
    /// And the opposite: a lock that is acquired inside of the `try` whose `finally` releases it.
    ///
    /// ## Why is this bad?
    /// One error or one cancelled task, and the lock stays taken for ever: everybody who wants it waits, and nothing says why. When
    /// a task is cancelled while it waits for `acquire()` inside of the `try`, the `finally` releases a lock that another task holds.
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
        if let What::Suspend(Suspension::Await(awaited)) = &step.what {
            taken_by_a_thread(checker, awaited, step.scope);
        }
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
            if !is_event
                && released.is_empty()
                && never::is_released_nowhere(context, lock, step.scope)
            {
                let name = context.source(lock);
                checker.report(
                    Report::new(
                        &RULE,
                        call.range(),
                        format!("`{name}` is acquired here and released nowhere"),
                    )
                    .help("use `async with`, or release it in `finally`"),
                );
            }
            continue;
        }
        if !is_event {
            left_before_try(checker, &flow, taken, lock, &released);
            taken_inside_try(checker, &flow, taken, lock, &released);
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
        let Some(risky) = risky else {
            if !is_event {
                never::left_on_a_way(checker, &flow, taken, lock, &released);
            }
            continue;
        };
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

/// `await lock.acquire()`, `return`, and only then the `try` whose `finally` releases it.
fn left_before_try(
    checker: &Checker<'_>,
    flow: &Flow<'_>,
    taken: usize,
    lock: &Expr,
    released: &[usize],
) {
    let context = &checker.context;
    let Some(first) = released.first() else {
        return;
    };
    // Who keeps a lock for others to release does not release it in a `finally`.
    let in_finally = released.iter().any(|index| {
        flow.follows(taken, *index)
            && flow
                .frames(flow.steps[*index].frame)
                .any(|(_, frame)| match frame.kind {
                    FrameKind::Finally(whole) => whole.start() > flow_start(flow, taken),
                    _ => false,
                })
    });
    if !in_finally {
        return;
    }
    let left = (taken + 1..*first).find_map(|index| match flow.steps[index].what {
        What::Return(found)
            if flow.follows(taken, index)
                && !flow
                    .frames(flow.steps[index].frame)
                    .any(|(_, frame)| match frame.kind {
                        FrameKind::Try(whole) => !whole.finalbody.is_empty(),
                        // Where acquiring it failed, it is not held.
                        FrameKind::Handler(whole, _) => {
                            whole.range().contains(flow_start(flow, taken))
                        }
                        _ => false,
                    }) =>
        {
            Some(found.range())
        }
        _ => None,
    });
    if let (Some(left), What::Call(call)) = (left, flow.steps[taken].what) {
        let name = context.source(lock);
        checker.report(
            Report::new(
                &RULE,
                call.range(),
                format!("`{name}` is not released when the function returns before the `try`"),
            )
            .related(checker, left, "it stays taken here")
            .help("use `async with`, or let the `try` begin right after `acquire()`"),
        );
    }
}

/// Where a step's call begins.
fn flow_start(flow: &Flow<'_>, index: usize) -> ruff_text_size::TextSize {
    match flow.steps[index].what {
        What::Call(call) => call.start(),
        _ => ruff_text_size::TextSize::default(),
    }
}

/// `try: await lock.acquire() … finally: lock.release()`.
fn taken_inside_try(
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
    // The innermost `try` alone: what an outer one does comes later.
    let Some(whole) =
        flow.frames(flow.steps[taken].frame)
            .find_map(|(_, frame)| match frame.kind {
                FrameKind::Try(whole) => Some(whole),
                _ => None,
            })
    else {
        return;
    };
    let handled = whole.handlers.iter().any(|handler| {
        let ast::ExceptHandler::ExceptHandler(handler) = handler;
        catches(context, handler.type_.as_deref(), flow.steps[taken].scope)
    });
    if handled {
        return;
    }
    let gives_back = |index: &usize| {
        let mut frames = flow
            .frames(flow.steps[*index].frame)
            .map(|(_, frame)| frame.kind);
        match (frames.next(), frames.next()) {
            (Some(FrameKind::Finally(found)), _) => found.range() == whole.range(),
            // `if lock.locked(): lock.release()` does not ask whose it is.
            (Some(FrameKind::Arm { .. }), Some(FrameKind::Finally(found))) => {
                found.range() == whole.range()
                    && found.finalbody.iter().any(|statement| match statement {
                        ast::Stmt::If(branch) => context
                            .source(&*branch.test)
                            .starts_with(&format!("{}.locked()", context.source(lock))),
                        _ => false,
                    })
            }
            _ => false,
        }
    };
    let Some(release) = released.iter().find(|index| gives_back(index)) else {
        return;
    };
    let What::Call(release) = flow.steps[*release].what else {
        return;
    };
    let name = context.source(lock);
    checker.report(
        Report::new(
            &RULE,
            call.range(),
            format!(
                "`{name}` is released even when the task is cancelled before it has acquired it"
            ),
        )
        .related(checker, release.range(), "another task may hold it here")
        .help("use `async with`, or acquire it before the `try`"),
    );
}

/// `await loop.run_in_executor(None, lock.acquire)`: the thread acquires it all the same when the task is cancelled.
fn taken_by_a_thread(
    checker: &Checker<'_>,
    awaited: &ast::ExprAwait,
    scope: crate::names::ScopeId,
) {
    let context = &checker.context;
    let Expr::Call(call) = &*awaited.value else {
        return;
    };
    let position = match crate::uses::called_name(call) {
        "run_in_executor" => 1,
        "to_thread" => 0,
        _ => return,
    };
    let Some(Expr::Attribute(method)) = call.arguments.args.get(position) else {
        return;
    };
    if method.attr.as_str() != "acquire"
        || lock_kind(context, &method.value, scope) != Some(LockKind::Thread)
    {
        return;
    }
    let name = context.source(&*method.value);
    checker.report(
        Report::new(
            &RULE,
            call.range(),
            format!("`{name}` stays taken when the task is cancelled while a thread acquires it"),
        )
        .help(
            "shield the call and release the lock when it ends after all, or use an `asyncio.Lock`",
        ),
    );
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
