mod after_yield;
pub(super) mod caught;
mod cut_off;
pub(super) mod left_set;
mod process;
mod registered;

use ruff_python_ast::{self as ast, ExceptHandler, Expr};
use ruff_text_size::{Ranged, TextRange};

use caught::{Caught, caught};

use crate::cancellation::catches;
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, FrameId, FrameKind, Suspension, What, place};
use crate::handlers;
use crate::locks::{LockKind, lock_kind};
use crate::names::ScopeId;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds clean-up that runs after errors but not after a cancellation: `except Exception` that gives a connection, a lock or
    /// a slot back, around an `await`, with nothing else that does. Also a process that only `except TimeoutError` kills, a future that
    /// only it takes out of the dictionary in which the answer will look for it, an
    /// async context manager that cleans up behind its `yield` without a `try`, and a flag or a counter that keeps others out
    /// (`self.busy = True`, an `await`, `self.busy = False`) and is put back without a `finally`. Also an `await` of a task that was
    /// cancelled just before, under `suppress(Exception)`, which does not keep the task's `CancelledError` from ending the clean-up.
    ///
    /// ## Why is this bad?
    /// `asyncio.CancelledError` (like `trio.Cancelled`) is no `Exception`, so that nobody catches it by accident. Clean-up in
    /// `except Exception` is skipped when a timeout or a shutdown cancels the task: the pool loses a connection, the lock stays taken.
    ///
    /// ## Example
    /// ```python
    /// connection = await pool.acquire()
    /// try:
    ///     await connection.check()
    /// except Exception:
    ///     await pool.release(connection)
    ///     raise
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// connection = await pool.acquire()
    /// try:
    ///     await connection.check()
    /// except BaseException:
    ///     await pool.release(connection)
    ///     raise
    /// ```
    ///
    /// ## False alarms known
    /// Something that cleans up after a cancellation in a place that cannot be seen.
    "RIA603", "cleanup-skipped-on-cancel", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    given_back_in_the_middle(checker, &flow);
    process::left_running(checker, &flow);
    registered::left_in(checker, &flow);
    after_yield::without_try(checker, &flow, function);
    cut_off::by_cancelled_task(checker, &flow);
    for left in left_set::found(checker, &flow) {
        if left.keeps_out {
            checker.report(left.report(checker, &RULE));
        }
    }
    for report in found(checker, &flow) {
        checker.report(report);
    }
}

/// The handlers of errors that give back what a cancellation would lose.
pub(super) fn found(checker: &Checker<'_>, flow: &Flow<'_>) -> Vec<Report> {
    let context = &checker.context;
    let mut reports = Vec::new();
    for found in caught(flow) {
        let Caught {
            index,
            step,
            whole,
            handler,
            class,
        } = found;
        let classes = handlers::classes(context, class, step.scope);
        if !classes
            .iter()
            .any(|class| class.is(&["builtins.Exception"]))
            || catches(context, Some(class), step.scope)
        {
            continue;
        }
        if let Some(range) = asks_for_cancellation(context, handler, step.scope) {
            reports.push(
                Report::new(
                    &RULE,
                    found.range(),
                    "`except Exception` does not catch the cancellation that it looks for",
                )
                .related(checker, range, "this is never true")
                .help("catch `asyncio.CancelledError` as well, and raise it again"),
            );
            continue;
        }
        if handled_otherwise(context, flow, index, whole) {
            continue;
        }
        let Some(suspension) = awaited(context, flow, whole) else {
            continue;
        };
        let Some((what, given)) = given_back(context, flow, index, whole) else {
            continue;
        };
        reports.push(
            Report::new(
                &RULE,
                found.range(),
                format!("{what} when the task is cancelled"),
            )
            .related(checker, suspension, "a cancellation arrives here")
            .related(checker, given, "this is skipped")
            .help("clean up in `except BaseException` or in `finally`"),
        );
    }
    reports
}

/// A `finally` that puts a connection back after a request and its answer, however far they came: after a cancellation in between,
/// the next user reads the answer to another's request.
fn given_back_in_the_middle(checker: &Checker<'_>, flow: &Flow<'_>) {
    let context = &checker.context;
    for step in &flow.steps {
        let What::Call(call) = step.what else {
            continue;
        };
        let Some(FrameKind::Finally(whole)) = flow
            .frames(step.frame)
            .map(|(_, frame)| frame.kind)
            .find(|kind| matches!(kind, FrameKind::Finally(_)))
        else {
            continue;
        };
        let (Expr::Attribute(method), [Expr::Name(local)]) = (&*call.func, &*call.arguments.args)
        else {
            continue;
        };
        let name = method.attr.as_str();
        if !(is_give_back(name) || (is_append(name) && is_free_list(&method.value))) {
            continue;
        }
        let local = local.id.as_str();
        let Some(start) = flow.steps.iter().find_map(|step| match step.what {
            What::Write {
                target: Expr::Name(target),
                value: Some(_),
                ..
            } if target.id == local && target.start() < whole.start() => Some(target.start()),
            _ => None,
        }) else {
            continue;
        };
        let Some(end) = whole.body.last().map(Ranged::end) else {
            continue;
        };
        let mut talk = Talk {
            context,
            scope: step.scope,
            local,
            sends: false,
            reads: false,
            guarded: false,
        };
        ast::visitor::Visitor::visit_body(
            &mut talk,
            checker
                .function()
                .map_or(&[][..], |function| &*function.body),
        );
        let text = context.source(TextRange::new(start, end));
        let handled = whole.handlers.iter().any(|handler| {
            let ExceptHandler::ExceptHandler(handler) = handler;
            catches(context, handler.type_.as_deref(), step.scope)
        });
        if !talk.sends || !talk.reads || talk.guarded || handled || text.contains("shield(") {
            continue;
        }
        let Some(suspension) = awaited(context, flow, whole) else {
            continue;
        };
        checker.report(
            Report::new(
                &RULE,
                call.range(),
                format!(
                    "`{local}` is given back after a cancellation with its answer still to be read"
                ),
            )
            .related(checker, suspension, "a cancellation arrives here")
            .help("close it in `except BaseException` before it is given back"),
        );
    }
}

/// Whether a function sends on a connection and reads from it, and whether what it calls looks after cancellation.
struct Talk<'c, 'a> {
    context: &'c Context<'a>,
    scope: ScopeId,
    local: &'c str,
    sends: bool,
    reads: bool,
    guarded: bool,
}

impl<'n> ast::visitor::Visitor<'n> for Talk<'_, '_> {
    fn visit_expr(&mut self, expr: &'n Expr) {
        if let Expr::Call(call) = expr
            && let Expr::Attribute(method) = &*call.func
        {
            let is_local = |expr: &Expr| matches!(expr, Expr::Name(name) if name.id == self.local);
            if is_local(&method.value) || call.arguments.args.iter().any(is_local) {
                let name = method.attr.as_str();
                self.sends |= name.contains("send") || name.contains("write");
                self.reads |= name.contains("read") || name.contains("response");
                self.guarded |= guards(self.context, call, self.scope, 0);
            }
        }
        ast::visitor::walk_expr(self, expr);
    }
}

/// Whether a call leads to code that handles cancellation.
fn guards(context: &Context<'_>, call: &ast::ExprCall, scope: ScopeId, depth: usize) -> bool {
    if depth > 4 {
        return false;
    }
    context.callees(call, scope).iter().any(|callee| {
        let Some(def) = callee.own_function(context.program()) else {
            return false;
        };
        context
            .in_function(def, |context, _, own| {
                let flow = context.flow(own);
                flow.steps.iter().any(|step| match step.what {
                    // One that only raises it again does nothing.
                    What::Catch(handler) => {
                        catches(context, handler.type_.as_deref(), step.scope)
                            && flow.steps.iter().any(|inner| {
                                matches!(inner.what, What::Call(_))
                                    && flow.within(inner.frame, step.frame)
                            })
                    }
                    What::Call(inner) => guards(context, inner, step.scope, depth + 1),
                    _ => false,
                })
            })
            .unwrap_or(false)
    })
}

/// `isinstance(error, CancelledError)` under `except Exception as error`.
fn asks_for_cancellation(
    context: &Context<'_>,
    handler: &ast::ExceptHandlerExceptHandler,
    scope: ScopeId,
) -> Option<TextRange> {
    let name = handler.name.as_ref()?.as_str();
    let flow = Flow::new(context.names(), &handler.body, scope);
    flow.steps.iter().find_map(|step| {
        let What::Call(call) = step.what else {
            return None;
        };
        let [Expr::Name(value), class] = &*call.arguments.args else {
            return None;
        };
        let is_test = matches!(&*call.func, Expr::Name(func) if func.id == "isinstance");
        (is_test
            && value.id == name
            && handlers::classes(context, class, step.scope)
                .iter()
                .any(|class| {
                    class.is(&[
                        "asyncio.CancelledError",
                        "asyncio.exceptions.CancelledError",
                        "trio.Cancelled",
                    ])
                }))
        .then_some(call.range())
    })
}

/// Whether this or an outer `try` does something on cancellation.
pub(super) fn handled_otherwise(
    context: &Context<'_>,
    flow: &Flow<'_>,
    index: usize,
    whole: &ast::StmtTry,
) -> bool {
    let step = flow.steps[index];
    let takes = |found: &ast::StmtTry| {
        !found.finalbody.is_empty()
            || found.handlers.iter().any(|handler| {
                let ExceptHandler::ExceptHandler(handler) = handler;
                catches(context, handler.type_.as_deref(), step.scope)
            })
    };
    takes(whole)
        || flow.frames(step.frame).any(|(_, frame)| match frame.kind {
            FrameKind::Try(found) => takes(found),
            // A context may give back what it gave.
            FrameKind::With { item, .. } => matches!(&item.context_expr, Expr::Call(call) if {
                let name = place(&call.func).unwrap_or_default();
                name.ends_with("ExitStack") || name.ends_with("closing") || name.ends_with("acquire") || name.contains("shield")
            }),
            _ => false,
        })
}

pub(super) fn awaited(
    context: &Context<'_>,
    flow: &Flow<'_>,
    whole: &ast::StmtTry,
) -> Option<TextRange> {
    flow.steps.iter().find_map(|step| match &step.what {
        What::Suspend(suspension)
            if !matches!(suspension, Suspension::Yield(_))
                && in_try(flow, step.frame, whole)
                && context.suspends(suspension, step.scope) =>
        {
            Some(suspension.range())
        }
        _ => None,
    })
}

/// Whether a step's frame lies in the body of a `try`.
fn in_try(flow: &Flow<'_>, frame: FrameId, whole: &ast::StmtTry) -> bool {
    flow.frames(frame).any(
        |(_, frame)| matches!(frame.kind, FrameKind::Try(found) if found.range() == whole.range()),
    )
}

/// What would not happen without the handler, in words, and where it happens.
fn given_back<'a>(
    context: &Context<'_>,
    flow: &Flow<'a>,
    index: usize,
    whole: &ast::StmtTry,
) -> Option<(String, TextRange)> {
    let frame = flow.steps[index].frame;
    let taken = |local: &str, owner: &Expr| {
        flow.steps[..index].iter().any(|step| match step.what {
            What::Write {
                target: Expr::Name(name),
                value: Some(value),
                ..
            } => {
                name.id == local && name.start() < whole.start() && is_taken(value, owner, context)
            }
            _ => false,
        })
    };
    for step in flow
        .steps
        .iter()
        .skip(index)
        .filter(|step| flow.within(step.frame, frame))
    {
        let What::Call(call) = step.what else {
            continue;
        };
        let Expr::Attribute(method) = &*call.func else {
            continue;
        };
        let name = method.attr.as_str();
        // A lock that was acquired by hand.
        if name == "release"
            && lock_kind(context, &method.value, step.scope) == Some(LockKind::Loop)
            && acquired_before(context, flow, index, &method.value)
        {
            let lock = context.source(&*method.value);
            return Some((format!("`{lock}` is not given back"), call.range()));
        }
        // `conn.reserve()` before it, `conn.release_reservation()` here.
        if let Some(owner) = place(&method.value)
            && let Some(taken) = reserved_before(flow, index, whole, &owner, name)
        {
            let taken = format!("`{}` is not undone", context.source(taken));
            return Some((taken, call.range()));
        }
        let gives = is_give_back(name) || (is_append(name) && is_free_list(&method.value));
        if !gives {
            continue;
        }
        for argument in call
            .arguments
            .args
            .iter()
            .chain(call.arguments.keywords.iter().map(|keyword| &keyword.value))
        {
            let Expr::Name(local) = argument else {
                continue;
            };
            if taken(local.id.as_str(), &method.value) {
                return Some((format!("`{}` is not given back", local.id), call.range()));
            }
        }
    }
    None
}

/// A method of the same object that takes what another gives back, called before or in the `try`.
fn reserved_before<'a>(
    flow: &Flow<'a>,
    index: usize,
    whole: &ast::StmtTry,
    owner: &str,
    gives: &str,
) -> Option<&'a Expr> {
    const PAIRS: &[(&str, &[&str])] = &[
        (
            "reserve",
            &["release", "unreserve", "cancel_reservation", "free"],
        ),
        ("checkout", &["checkin", "release"]),
        ("increment", &["decrement"]),
        ("incr", &["decr"]),
        ("mark_busy", &["mark_idle", "mark_free"]),
        ("begin_use", &["end_use"]),
        ("acquire", &["release"]),
    ];
    let starts = |name: &str, word: &str| name.trim_start_matches('_').starts_with(word);
    flow.steps[..index].iter().find_map(|step| match step.what {
        What::Call(call)
            if call.end() <= whole.start()
                || whole
                    .body
                    .iter()
                    .any(|stmt| stmt.range().contains_range(call.range())) =>
        {
            let Expr::Attribute(taken) = &*call.func else {
                return None;
            };
            let is_pair = place(&taken.value).as_deref() == Some(owner)
                && PAIRS.iter().any(|(take, give)| {
                    starts(taken.attr.as_str(), take) && give.iter().any(|give| starts(gives, give))
                });
            is_pair.then_some(&*call.func)
        }
        _ => None,
    })
}

/// Names of methods that end the use of something.
fn is_give_back(name: &str) -> bool {
    let name = name.trim_start_matches('_');
    matches!(
        name,
        "release"
            | "putconn"
            | "put_back"
            | "give_back"
            | "putback"
            | "remove_from_pool"
            | "response_closed"
            | "return_connection"
            | "release_connection"
            | "put_connection"
            | "close_connection"
            | "free"
            | "discard_connection"
            | "return_to_pool"
            | "checkin"
    )
}

fn is_append(name: &str) -> bool {
    matches!(name, "append" | "appendleft" | "put" | "put_nowait" | "add")
}

/// `self._free`, `self._idle`.
fn is_free_list(owner: &Expr) -> bool {
    place(owner).is_some_and(|place| {
        let last = place
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .trim_start_matches('_')
            .to_owned();
        matches!(
            last.as_str(),
            "free" | "idle" | "available" | "pool" | "connections" | "free_connections"
        )
    })
}

/// It was taken from where it is given back to: awaited, or made by a method of the same object.
fn is_taken(value: &Expr, owner: &Expr, context: &Context<'_>) -> bool {
    match value {
        Expr::Await(found) => is_taken(&found.value, owner, context) || found.value.is_call_expr(),
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(found) => context
                .source(&*found.value)
                .starts_with(context.source(owner).split('.').next().unwrap_or_default()),
            _ => false,
        },
        _ => false,
    }
}

fn acquired_before(context: &Context<'_>, flow: &Flow<'_>, index: usize, lock: &Expr) -> bool {
    flow.steps[..index]
        .iter()
        .enumerate()
        .any(|(at, step)| match step.what {
            What::Call(call) => {
                crate::locks::method_call(call, &["acquire"])
                    .is_some_and(|found| crate::locks::same(context, found, lock))
                    && flow.follows(at, index)
            }
            _ => false,
        })
}
