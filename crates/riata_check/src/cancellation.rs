//! Where a function keeps a cancellation to itself: handlers and `suppress` around awaits, and what happens after them.

use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::context::{Awaitable, Context};
use crate::flow::{
    Ends, Flow, FrameId, FrameKind, Repeats, Suspension, What, ends, is_suppress, is_true,
};
use crate::handlers::{self, Class};
use crate::names::ScopeId;

/// A cancellation that goes no further.
#[derive(Debug)]
pub(crate) struct Swallow<'a> {
    /// The class that catches it.
    pub(crate) at: TextRange,
    /// `None` for `suppress`.
    pub(crate) handler: Option<&'a ast::ExceptHandlerExceptHandler>,
    /// Named as what it is, not caught by a handler of everything.
    pub(crate) explicit: bool,
    /// Other errors are treated in the same way.
    pub(crate) mixed: bool,
    /// Another exception is raised in its place.
    pub(crate) replaced: bool,
    /// The caught error is kept or passed on.
    pub(crate) used: bool,
    /// It is kept, and a later way returns a value all the same.
    pub(crate) kept_and_returns: bool,
    /// It returns a value after it.
    pub(crate) returns_value: bool,
    /// It lies in clean-up: a `finally`, or a handler of a cancellation.
    pub(crate) cleaning: bool,
    pub(crate) after: After,
    pub(crate) awaits: Awaits,
    /// A cancellation is asked for in the same function before.
    pub(crate) cancels: bool,
    /// An await that it is caught at.
    pub(crate) suspension: TextRange,
}

/// What the function does after it has caught a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The loop around it goes on.
    Loops,
    /// It awaits something else.
    Awaits(TextRange),
    /// It leaves a loop and ends.
    Breaks,
    Ends,
}

/// What is awaited where the cancellation is caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaits {
    /// Tasks and futures that were made elsewhere: their cancellation arrives here, too.
    Tasks,
    Other,
}

/// Where a function, told by its own scope, keeps a cancellation to itself.
pub(crate) fn swallows<'a>(context: &Context<'a>, scope: ScopeId) -> Vec<Swallow<'a>> {
    let flow = context.flow(scope);
    let mut found = Vec::new();
    for (index, step) in flow.steps.iter().enumerate() {
        match step.what {
            What::Catch(handler) => {
                let FrameKind::Handler(whole, _) = flow.frame(step.frame).kind else {
                    continue;
                };
                found.extend(of_handler(context, &flow, index, whole, handler));
            }
            What::Left(item) if is_suppress(&item.context_expr) => {
                found.extend(of_suppress(context, &flow, index, item));
            }
            _ => {}
        }
    }
    found
}

fn of_handler<'a>(
    context: &Context<'a>,
    flow: &Flow<'a>,
    index: usize,
    whole: &'a ast::StmtTry,
    handler: &'a ast::ExceptHandlerExceptHandler,
) -> Option<Swallow<'a>> {
    let step = flow.steps[index];
    let caught = match handler.type_.as_deref() {
        None => Vec::new(),
        Some(class) => handlers::classes(context, class, step.scope),
    };
    let cancellation = caught.iter().find(|class| class.is_cancellation());
    let everything = caught.iter().find(|class| class.is_everything());
    let at = match (cancellation, everything) {
        (Some(class), _) | (None, Some(class)) => class.range,
        (None, None) if handler.type_.is_none() => {
            TextRange::at(handler.start(), ruff_text_size::TextSize::of("except"))
        }
        (None, None) => return None,
    };
    // An earlier clause takes it.
    for earlier in &whole.handlers {
        let ExceptHandler::ExceptHandler(earlier) = earlier;
        if earlier.range() == handler.range() {
            break;
        }
        if catches(context, earlier.type_.as_deref(), step.scope) {
            return None;
        }
    }
    let (awaits, suspension) = awaited(context, flow, |frame| match frame {
        FrameKind::Try(found) => found.range() == whole.range(),
        _ => false,
    })?;
    let how = ends(&handler.body);
    let mut replaced = false;
    if how.only_raises() {
        if !raises_another(handler) {
            return None;
        }
        replaced = true;
    } else if how.raises || asks_who_was_cancelled(context, &handler.body) {
        // It tells cases apart.
        return None;
    }
    // `return` or `raise` in `finally` is another matter.
    if !ends(&whole.finalbody).falls {
        return None;
    }
    if shielded(context, flow, step.frame, step.scope) {
        return None;
    }
    let used = handler
        .name
        .as_ref()
        .is_some_and(|name| is_used(handler, name.as_str()));
    Some(Swallow {
        at,
        handler: Some(handler),
        explicit: cancellation.is_some(),
        mixed: caught.len() > 1,
        replaced,
        used,
        kept_and_returns: used
            && handler
                .name
                .as_ref()
                .is_some_and(|name| keeps(handler, name.as_str()))
            && returns_value(flow, index),
        returns_value: returns_value(flow, index),
        cleaning: is_cleaning(context, flow, index),
        after: after(context, flow, index, how, &handler.body),
        awaits,
        cancels: cancels_before(flow, index),
        suspension,
    })
}

fn of_suppress<'a>(
    context: &Context<'a>,
    flow: &Flow<'a>,
    index: usize,
    item: &'a ast::WithItem,
) -> Option<Swallow<'a>> {
    let step = flow.steps[index];
    let Expr::Call(call) = &item.context_expr else {
        return None;
    };
    let mut caught: Vec<Class> = Vec::new();
    for argument in &call.arguments.args {
        caught.extend(handlers::classes(context, argument, step.scope));
    }
    let cancellation = caught.iter().find(|class| class.is_cancellation());
    let at = cancellation
        .or_else(|| caught.iter().find(|class| class.is_everything()))?
        .range;
    if shielded(context, flow, step.frame, step.scope) {
        return None;
    }
    let (awaits, suspension) = awaited(context, flow, |frame| match frame {
        FrameKind::With { item: found, .. } => {
            found.context_expr.range() == item.context_expr.range()
        }
        _ => false,
    })?;
    Some(Swallow {
        at,
        handler: None,
        explicit: cancellation.is_some(),
        mixed: caught.len() > 1,
        replaced: false,
        used: false,
        kept_and_returns: false,
        returns_value: false,
        cleaning: is_cleaning(context, flow, index),
        after: after(
            context,
            flow,
            index,
            Ends {
                falls: true,
                ..Ends::default()
            },
            &[],
        ),
        awaits,
        cancels: cancels_before(flow, index),
        suspension,
    })
}

/// Whether a clause catches cancellation.
pub(crate) fn catches(context: &Context<'_>, class: Option<&Expr>, scope: ScopeId) -> bool {
    class.is_none_or(|class| {
        handlers::classes(context, class, scope)
            .iter()
            .any(|class| class.is_cancellation() || class.is_everything())
    })
}

/// What is awaited in a frame where a cancellation would get out of what lies in between.
fn awaited(
    context: &Context<'_>,
    flow: &Flow<'_>,
    is_it: impl Fn(&FrameKind<'_>) -> bool,
) -> Option<(Awaits, TextRange)> {
    let mut found: Option<(Awaits, TextRange)> = None;
    for step in &flow.steps {
        let What::Suspend(suspension) = &step.what else {
            continue;
        };
        let mut inside = false;
        for (_, frame) in flow.frames(step.frame) {
            if is_it(&frame.kind) {
                inside = true;
                break;
            }
            let kept = match frame.kind {
                FrameKind::Try(inner) => inner.handlers.iter().any(|handler| {
                    let ExceptHandler::ExceptHandler(handler) = handler;
                    catches(context, handler.type_.as_deref(), step.scope)
                }),
                FrameKind::With {
                    item,
                    is_async: false,
                } => is_suppress(&item.context_expr),
                _ => false,
            };
            if kept {
                break;
            }
        }
        // A yield is no place that a task is cancelled at.
        if !inside
            || matches!(suspension, Suspension::Yield(_))
            || !context.suspends(suspension, step.scope)
        {
            continue;
        }
        let this = match suspension {
            Suspension::Await(awaited) if awaits_tasks(context, &awaited.value, step.scope) => {
                Awaits::Tasks
            }
            // `async with timeout(…): await task`.
            Suspension::Enter(item) | Suspension::Leave(item)
                if context.source(&item.context_expr).contains("timeout") =>
            {
                continue;
            }
            _ => Awaits::Other,
        };
        found = Some(match found {
            Some((Awaits::Other, range)) => (Awaits::Other, range),
            Some((Awaits::Tasks, range)) if this == Awaits::Tasks => (this, range),
            _ => (this, suspension.range()),
        });
    }
    found
}

/// `await task`, `await gather(*tasks)`, `await wait_for(task, 1)`: not a coroutine that is made here.
fn awaits_tasks(context: &Context<'_>, awaited: &Expr, scope: ScopeId) -> bool {
    match awaited {
        Expr::Name(_) | Expr::Attribute(_) | Expr::Subscript(_) => {
            !matches!(context.awaitable(awaited, scope), Awaitable::Coroutine)
        }
        Expr::Call(call) => {
            let name = context.name_of(call, scope);
            matches!(
                name.as_deref(),
                Some(
                    "asyncio.gather"
                        | "asyncio.wait_for"
                        | "asyncio.shield"
                        | "asyncio.wait"
                        | "asyncio.wrap_future"
                )
            ) && call
                .arguments
                .args
                .first()
                .is_some_and(|first| match first {
                    Expr::Starred(found) => {
                        !matches!(&*found.value, Expr::ListComp(_) | Expr::Generator(_))
                    }
                    Expr::Call(_) => awaits_tasks(context, first, scope),
                    first => awaits_tasks(context, first, scope),
                })
        }
        _ => false,
    }
}

/// Every `raise` of the handler is of something else.
fn raises_another(handler: &ast::ExceptHandlerExceptHandler) -> bool {
    fn all<'a>(body: &'a [Stmt], found: &mut Vec<&'a ast::StmtRaise>) {
        for statement in body {
            match statement {
                Stmt::Raise(raise) => found.push(raise),
                Stmt::If(branch) => {
                    all(&branch.body, found);
                    for clause in &branch.elif_else_clauses {
                        all(&clause.body, found);
                    }
                }
                Stmt::With(with) => all(&with.body, found),
                Stmt::Try(inner) => {
                    all(&inner.body, found);
                    all(&inner.orelse, found);
                    all(&inner.finalbody, found);
                }
                _ => {}
            }
        }
    }
    let mut raises = Vec::new();
    all(&handler.body, &mut raises);
    !raises.is_empty()
        && raises.iter().all(|raise| match raise.exc.as_deref() {
            None => false,
            Some(Expr::Call(call)) => {
                let class = crate::flow::place(&call.func).unwrap_or_default();
                !class.ends_with("CancelledError") && !class.ends_with("Cancelled")
            }
            // `raise error`, whatever that is.
            Some(_) => false,
        })
}

/// `task.cancelled()`, `current_task().cancelling()`: the handler tells its own cancellation from another's.
fn asks_who_was_cancelled(context: &Context<'_>, body: &[Stmt]) -> bool {
    body.iter().any(|statement| {
        let text = context.source(statement);
        [
            ".cancelled(",
            ".cancelling(",
            ".uncancel(",
            "current_task(",
            "CancelledError",
            "cancelled_caught",
            "cancel_called",
        ]
        .iter()
        .any(|word| text.contains(word))
    })
}

fn is_used(handler: &ast::ExceptHandlerExceptHandler, name: &str) -> bool {
    struct Uses<'n> {
        name: &'n str,
        found: bool,
    }
    impl<'a> ast::visitor::Visitor<'a> for Uses<'_> {
        fn visit_expr(&mut self, expr: &'a Expr) {
            match expr {
                Expr::Name(found) => self.found |= found.id == self.name,
                // Only told to people.
                Expr::Call(call) if is_logging(call) => {}
                Expr::FString(_) => {}
                _ => ast::visitor::walk_expr(self, expr),
            }
        }
    }
    let mut uses = Uses { name, found: false };
    ast::visitor::Visitor::visit_body(&mut uses, &handler.body);
    uses.found
}

pub(crate) fn is_logging(call: &ast::ExprCall) -> bool {
    match &*call.func {
        Expr::Attribute(found) => matches!(
            found.attr.as_str(),
            "debug" | "info" | "warning" | "warn" | "error" | "exception" | "critical" | "log"
        ),
        Expr::Name(found) => found.id == "print",
        _ => false,
    }
}

fn after(
    context: &Context<'_>,
    flow: &Flow<'_>,
    index: usize,
    how: Ends,
    handler: &[Stmt],
) -> After {
    let frame = flow.steps[index].frame;
    // What the handler itself sets may be what the loop asks.
    let sets_something = handler
        .iter()
        .any(|statement| matches!(statement, Stmt::Assign(_) | Stmt::AugAssign(_)));
    let mut in_loop = false;
    if how.falls || how.continues {
        for (id, repeats) in flow.loops(frame) {
            let (body, asks) = match repeats {
                Repeats::While(found) => (&found.body, !is_true(&found.test)),
                Repeats::For(found) => (&found.body, false),
                Repeats::Comprehension(_) => continue,
            };
            let end = ends(body);
            if (end.falls || end.continues)
                && comes_round(flow, index, id)
                && !(asks && sets_something)
            {
                in_loop = true;
                break;
            }
        }
    }
    // Awaits of the loop that run in its next round, or what follows.
    let next = flow
        .steps
        .iter()
        .enumerate()
        .skip(index + 1)
        .find_map(|(later, step)| match &step.what {
            What::Suspend(suspension)
                if !matches!(suspension, Suspension::Yield(_))
                && flow.follows(index, later)
                // Awaits of the handler itself clean up.
                && !flow.within(step.frame, frame_of_handler(flow, frame))
                && context.suspends(suspension, step.scope) =>
            {
                Some(suspension.range())
            }
            _ => None,
        });
    match next {
        _ if in_loop => After::Loops,
        Some(range) => After::Awaits(range),
        None if how.breaks => After::Breaks,
        None => After::Ends,
    }
}

/// The handler that a step lies in, or the innermost frame of nothing.
fn frame_of_handler(flow: &Flow<'_>, frame: FrameId) -> FrameId {
    if matches!(flow.frame(frame).kind, FrameKind::Handler(..)) {
        frame
    } else {
        // `suppress`: nothing lies in what was left.
        FrameId::NOWHERE
    }
}

/// Whether a loop goes on after a step: nothing on the way from there to its end leaves it.
fn comes_round(flow: &Flow<'_>, index: usize, around: FrameId) -> bool {
    let mut frame = flow.steps[index].frame;
    let mut through_loop = false;
    while frame != around {
        let found = flow.frame(frame);
        if matches!(found.kind, FrameKind::Loop(_)) {
            through_loop = true;
        }
        let ends = found.ends;
        if !through_loop && !ends.falls && !ends.continues {
            return false;
        }
        match found.parent {
            Some(parent) => frame = parent,
            None => return false,
        }
    }
    // What follows it in the loop may leave it, too.
    let from = flow.steps[index].frame;
    !flow
        .steps
        .iter()
        .enumerate()
        .skip(index + 1)
        .any(|(later, step)| {
            matches!(step.what, What::Return(_))
                && flow.follows(index, later)
                && flow.frame(step.frame).parent == flow.frame(from).parent
        })
}

/// Whether something is cancelled on the way to a step.
fn cancels_before(flow: &Flow<'_>, index: usize) -> bool {
    flow.steps[..index].iter().any(|step| match step.what {
        What::Call(call) => match &*call.func {
            Expr::Attribute(found) => found.attr.as_str().contains("cancel"),
            Expr::Name(found) => found.id.contains("cancel"),
            _ => false,
        },
        _ => false,
    })
}

/// `self.error = error`.
fn keeps(handler: &ast::ExceptHandlerExceptHandler, name: &str) -> bool {
    handler.body.iter().any(|statement| match statement {
        Stmt::Assign(found) => matches!(&*found.value, Expr::Name(value) if value.id == name),
        _ => false,
    })
}

fn returns_value(flow: &Flow<'_>, index: usize) -> bool {
    flow.steps
        .iter()
        .enumerate()
        .skip(index + 1)
        .any(|(later, step)| match step.what {
            What::Return(found) => {
                found
                    .value
                    .as_deref()
                    .is_some_and(|value| !value.is_none_literal_expr())
                    && (flow.follows(index, later)
                        || flow.within(step.frame, flow.steps[index].frame))
            }
            _ => false,
        })
}

fn is_cleaning(context: &Context<'_>, flow: &Flow<'_>, index: usize) -> bool {
    let step = flow.steps[index];
    let own = flow.frame(step.frame);
    let outer = if matches!(own.kind, FrameKind::Handler(..)) {
        own.parent
    } else {
        Some(step.frame)
    };
    outer.is_some_and(|outer| {
        flow.frames(outer).any(|(_, frame)| match frame.kind {
            FrameKind::Finally(_) => true,
            FrameKind::Handler(_, handler) => {
                catches(context, handler.type_.as_deref(), step.scope)
            }
            _ => false,
        })
    })
}

/// Whether a frame lies in a cancel scope that keeps cancellation out.
pub(crate) fn shielded(
    context: &Context<'_>,
    flow: &Flow<'_>,
    frame: FrameId,
    scope: ScopeId,
) -> bool {
    flow.frames(frame).any(|(_, frame)| match frame.kind {
        FrameKind::With { item, .. } => is_shield(context, &item.context_expr, scope, 0),
        _ => false,
    })
}

/// `CancelScope(shield=True)`, or a class or function of the project that makes one.
pub(crate) fn is_shield(context: &Context<'_>, expr: &Expr, scope: ScopeId, depth: usize) -> bool {
    let call = match expr {
        Expr::Call(call) => call,
        // `with scope:` where `scope.shield = True` or `scope = CancelScope(shield=True)` was before.
        Expr::Name(_) | Expr::Attribute(_) => {
            return crate::locks::assigned(context, expr, scope)
                .into_iter()
                .any(|(value, scope)| {
                    depth < 3 && value.is_call_expr() && is_shield(context, value, scope, depth + 1)
                });
        }
        _ => return false,
    };
    if let Some(shield) = call.arguments.find_keyword("shield") {
        return shield
            .value
            .as_boolean_literal_expr()
            .is_none_or(|value| value.value);
    }
    if depth > 2 {
        return false;
    }
    context.callees(call, scope).iter().any(|callee| {
        let Some(def) = callee.def else { return false };
        if !context.program().is_first_party(def.file) {
            return false;
        }
        let bodies: Vec<_> = if callee.is_class {
            ["__init__", "__enter__", "__aenter__"]
                .iter()
                .filter_map(|name| context.method(def, name))
                .collect()
        } else {
            vec![def]
        };
        bodies.into_iter().any(|def| {
            context
                .in_function(def, |context, _, own| {
                    let flow = context.flow(own);
                    flow.steps.iter().any(|step| match step.what {
                        What::Call(inner) => {
                            inner
                                .arguments
                                .find_keyword("shield")
                                .is_some_and(|shield| {
                                    shield
                                        .value
                                        .as_boolean_literal_expr()
                                        .is_some_and(|value| value.value)
                                })
                        }
                        _ => false,
                    })
                })
                .unwrap_or(false)
        })
    })
}
