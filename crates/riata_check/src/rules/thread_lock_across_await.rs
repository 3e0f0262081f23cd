use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, FrameKind, What};
use crate::locks::{LockKind, lock_kind, method_call, same};
use crate::names::ScopeId;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds a `threading` lock that is held across an `await`.
    ///
    /// ## Why is this bad?
    /// At the `await` other tasks run, in the same thread. One that wants the lock waits for it in a way that keeps the whole
    /// thread waiting, so the task that holds it is never resumed: the program stands still for ever. With an `RLock` the
    /// other task simply gets it, for the thread is the same, and nothing is protected.
    ///
    /// ## Example
    /// ```python
    /// async def token(self):
    ///     with self._lock:  # threading.Lock()
    ///         if self._token is None:
    ///             self._token = await self._fetch()
    ///     return self._token
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def token(self):
    ///     async with self._lock:  # asyncio.Lock()
    ///         if self._token is None:
    ///             self._token = await self._fetch()
    ///     return self._token
    /// ```
    ///
    /// A thread lock may stay where other threads need it, if it is released before the `await`.
    ///
    /// ## False alarms known
    /// A lock that a single task uses, ever.
    "RIA701", "thread-lock-across-await", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    let mut reported: Vec<TextRange> = Vec::new();
    for (index, step) in flow.steps.iter().enumerate() {
        let What::Suspend(suspension) = &step.what else {
            continue;
        };
        let lock = flow
            .frames(step.frame)
            .find_map(|(_, frame)| match frame.kind {
                FrameKind::With {
                    item,
                    is_async: false,
                } => entered_lock(context, &item.context_expr, step.scope)
                    .then(|| (item.context_expr.range(), "held")),
                _ => None,
            })
            .or_else(|| acquired(context, &flow, index).map(|call| (call.range(), "acquired")));
        let Some((range, _)) = lock else { continue };
        if reported.contains(&range) || !context.suspends(suspension, step.scope) {
            continue;
        }
        reported.push(range);
        checker.report(
            Report::new(&RULE, range, "A thread's lock is held across an `await`")
                .related(checker, suspension.range(), "other tasks run here")
                .help("use `asyncio.Lock`, or release the lock before the `await`"),
        );
    }
}

/// `with lock`, or `with helper()` that yields while it holds one.
fn entered_lock(context: &Context<'_>, expr: &Expr, scope: ScopeId) -> bool {
    if lock_kind(context, expr, scope) == Some(LockKind::Thread) {
        return true;
    }
    let Expr::Call(call) = expr else { return false };
    context.callees(call, scope).iter().any(|callee| {
        let Some(def) = callee.def.filter(|_| !callee.is_class) else {
            return false;
        };
        let is_manager = context
            .worker
            .function(def)
            .is_some_and(|function| function.is_context_manager() && !function.is_async);
        is_manager
            && context
                .in_function(def, |context, _, own| {
                    let flow = context.flow(own);
                    flow.steps.iter().any(|step| {
                        matches!(step.what, What::Suspend(_))
                            && flow.frames(step.frame).any(|(_, frame)| match frame.kind {
                                FrameKind::With {
                                    item,
                                    is_async: false,
                                } => {
                                    lock_kind(context, &item.context_expr, step.scope)
                                        == Some(LockKind::Thread)
                                }
                                _ => false,
                            })
                    })
                })
                .unwrap_or(false)
    })
}

/// The `lock.acquire()` before a step that no `lock.release()` in between ends.
fn acquired<'a>(context: &Context<'_>, flow: &Flow<'a>, at: usize) -> Option<&'a ast::ExprCall> {
    (0..at).rev().find_map(|index| {
        let What::Call(call) = flow.steps[index].what else {
            return None;
        };
        let lock = method_call(call, &["acquire"])?;
        // Asked whether it is free: nobody waits.
        let asks = call
            .arguments
            .find_argument_value("blocking", 0)
            .is_some_and(|blocking| {
                !blocking
                    .as_boolean_literal_expr()
                    .is_some_and(|blocking| blocking.value)
            });
        if asks
            || !flow.follows(index, at)
            || lock_kind(context, lock, flow.steps[index].scope) != Some(LockKind::Thread)
        {
            return None;
        }
        let released = |range: std::ops::Range<usize>| {
            range
                .into_iter()
                .any(|middle| match flow.steps[middle].what {
                    What::Call(other) => method_call(other, &["release"])
                        .is_some_and(|found| same(context, found, lock)),
                    _ => false,
                })
        };
        (!released(index + 1..at) && released(at..flow.steps.len())).then_some(call)
    })
}
