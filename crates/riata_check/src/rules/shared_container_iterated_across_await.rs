use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::diagnostic::{Edit, Fix};
use crate::flow::{Flow, FrameKind, Repeats, Suspension, What, ends};
use crate::locks::{classes, held};
use crate::names::ScopeId;
use crate::rules::rule;
use crate::shared::{container_changes, methods, shared};

rule! {
    /// ## What it does
    /// Finds loops with an `await` in them over a container that other methods of the class change.
    ///
    /// ## Why is this bad?
    /// At the `await` other tasks run. When one of them adds or removes an item, the loop fails with "dictionary changed size during
    /// iteration". (A list is iterated all the same, and is not reported.)
    ///
    /// ## Example
    /// ```python
    /// for client in self.clients.values():
    ///     await client.send(message)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// for client in list(self.clients.values()):
    ///     await client.send(message)
    /// ```
    ///
    /// ## Fix safety
    /// The fix iterates a copy. It is unsafe: items that are removed during the loop are still visited.
    ///
    /// ## False alarms known
    /// A container that is filled only before the loop can run.
    "RIA706", "shared-container-iterated-across-await", default: true, fix: Unsafe,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    let mut reported: Vec<TextRange> = Vec::new();
    for step in &flow.steps {
        let What::Suspend(suspension) = &step.what else {
            continue;
        };
        for (frame, repeats) in flow.loops(step.frame) {
            let iterable = match repeats {
                Repeats::For(found) if !found.is_async => {
                    // One round, and no more.
                    let end = ends(&found.body);
                    if !end.falls && !end.continues {
                        continue;
                    }
                    &*found.iter
                }
                Repeats::Comprehension(found) if !found.is_async => &found.iter,
                _ => continue,
            };
            if reported.contains(&iterable.range())
                || matches!(suspension, Suspension::Yield(_))
                || leaves_after(&flow, step.frame, frame)
                || !context.suspends(suspension, step.scope)
            {
                continue;
            }
            let Some(container) = iterated(iterable) else {
                continue;
            };
            let Some(text) = shared(context, container, step.scope) else {
                continue;
            };
            if held(context, &flow, frame, step.scope)
                || !is_container(context, container, step.scope)
            {
                continue;
            }
            let Some((changed, in_method)) =
                changed_elsewhere(context, function, &text, container, step.scope)
            else {
                continue;
            };
            reported.push(iterable.range());
            checker.report(
                Report::new(
                    &RULE,
                    iterable.range(),
                    format!("`{text}` may change while it is iterated: the loop awaits"),
                )
                .related(checker, suspension.range(), "other tasks run here")
                .related(checker, changed, format!("`{in_method}` changes it"))
                .fix(Fix::risky(
                    "Iterate a copy",
                    vec![
                        Edit::insert(iterable.start(), "list("),
                        Edit::insert(iterable.end(), ")"),
                    ],
                )),
            );
        }
    }
}

/// The container behind `x`, `x.values()`, `x[key]`.
fn iterated(iterable: &Expr) -> Option<&Expr> {
    match iterable {
        Expr::Call(call) if call.arguments.is_empty() => {
            crate::locks::method_call(call, &["values", "keys", "items"])
        }
        Expr::Call(call) => match (&*call.func, &*call.arguments.args) {
            (Expr::Name(name), [inner, ..])
                if matches!(name.id.as_str(), "enumerate" | "reversed") =>
            {
                iterated(inner)
            }
            _ => None,
        },
        Expr::Attribute(_) | Expr::Name(_) => Some(iterable),
        Expr::Subscript(found) if !found.slice.is_slice_expr() => Some(iterable),
        _ => None,
    }
}

/// The branch of the await leaves the loop.
fn leaves_after(flow: &Flow<'_>, from: crate::flow::FrameId, around: crate::flow::FrameId) -> bool {
    flow.frames(from)
        .take_while(|(id, _)| *id != around)
        .any(|(_, frame)| {
            matches!(frame.kind, FrameKind::Arm { .. } | FrameKind::With { .. })
                && !frame.ends.falls
                && !frame.ends.continues
        })
}

/// A built-in container that minds being changed, as far as one can tell: objects of other classes may iterate a copy of their own.
fn is_container(context: &Context<'_>, container: &Expr, scope: ScopeId) -> bool {
    let value = context.value(container, scope);
    match classes(&value) {
        Some(classes) => classes.iter().any(|class| {
            matches!(
                *class,
                "builtins.dict" | "builtins.set" | "collections.deque" | "collections.defaultdict"
                    | "collections.OrderedDict" | "weakref.WeakSet" | "weakref.WeakKeyDictionary" | "weakref.WeakValueDictionary"
                    | "_weakrefset.WeakSet" | "typing.Dict" | "typing.Set" | "typing.DefaultDict" | "typing.Deque"
                    | "typing.MutableMapping" | "typing.OrderedDict"
            )
        }),
        None => crate::locks::assigned(context, container, scope).iter().any(|(value, _)| {
            matches!(value, Expr::Dict(_) | Expr::Set(_) | Expr::DictComp(_) | Expr::SetComp(_))
                || matches!(value, Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if matches!(name.id.as_str(), "dict" | "set" | "deque" | "defaultdict")))
        }),
    }
}

/// A change in another method (or, of a global, another function) that may run meanwhile.
fn changed_elsewhere(
    context: &Context<'_>,
    function: &ast::StmtFunctionDef,
    text: &str,
    container: &Expr,
    scope: ScopeId,
) -> Option<(TextRange, String)> {
    let others: Vec<(&ast::StmtFunctionDef, ScopeId)> = if text.contains('.') {
        methods(context, scope)
    } else {
        context
            .names()
            .functions
            .iter()
            .filter_map(|(function, _)| Some((*function, context.names().of_function(function)?)))
            .collect()
    };
    others.into_iter().find_map(|(other, own)| {
        if other.name.start() == function.name.start() || is_set_up(other.name.as_str()) {
            return None;
        }
        let flow = context.flow(own);
        let found = container_changes(context, &flow)
            .into_iter()
            .find(|(index, changed, _)| {
                changed == text
                    && match flow.steps[*index].what {
                        // An item of an item: `self.x[key].append(1)` changes what `self.x` holds, not itself.
                        What::Call(call) => match &*call.func {
                            Expr::Attribute(method) => {
                                matches!(&*method.value, Expr::Subscript(_))
                                    == matches!(container, Expr::Subscript(_))
                            }
                            _ => true,
                        },
                        What::Write {
                            target: Expr::Subscript(found),
                            ..
                        }
                        | What::Delete(Expr::Subscript(found)) => {
                            matches!(&*found.value, Expr::Subscript(_))
                                == matches!(container, Expr::Subscript(_))
                        }
                        _ => true,
                    }
            });
        // Of a task that this function has cancelled before nothing comes any more.
        found
            .filter(|_| !has_cancelled(context, function, other.name.as_str(), scope))
            .map(|(_, _, range)| (range, other.name.to_string()))
    })
}

/// Whether a function cancels and awaits `self.task` where the class has `self.task = create_task(self.method())`.
fn has_cancelled(
    context: &Context<'_>,
    function: &ast::StmtFunctionDef,
    method: &str,
    scope: ScopeId,
) -> bool {
    let mut cancelled: Vec<&Expr> = Vec::new();
    let mut awaited: Vec<&str> = Vec::new();
    crate::uses::exprs(&function.body, false, &mut |expr| match expr {
        Expr::Call(call) => cancelled.extend(crate::locks::method_call(call, &["cancel"])),
        Expr::Await(found) => awaited.push(context.source(&*found.value)),
        _ => {}
    });
    cancelled.iter().any(|task| {
        awaited.contains(&context.source(*task))
            && crate::locks::assigned(context, task, scope)
                .iter()
                .any(|(value, _)| context.source(*value).contains(&format!(".{method}(")))
    })
}

/// What runs before anything else does.
fn is_set_up(name: &str) -> bool {
    matches!(
        name,
        "__init__"
            | "__new__"
            | "__post_init__"
            | "__setstate__"
            | "setup"
            | "setUp"
            | "asyncSetUp"
            | "__init_subclass__"
    )
}
