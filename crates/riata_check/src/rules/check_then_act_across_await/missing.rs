//! What is found missing and made after an `await`.

use ruff_python_ast::{self as ast, CmpOp, Expr, UnaryOp};
use ruff_text_size::{Ranged, TextRange};

use super::{RULE, Test};
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, FrameKind, Suspension, What, place};
use crate::locks::{locked, may_exclude};
use crate::names::{Binding, ScopeId};
use crate::shared::shared;
use crate::uses;

/// A place that a test finds missing, and the branch that it is missing in.
struct Missing {
    place: String,
    /// The key that is missing in it.
    key: Option<String>,
    range: TextRange,
    /// Where it is missing: the branch, or what follows it.
    area: TextRange,
}

/// `x is None`, `not x`, `key not in x`, `x is None or …`; the opposite of them where the branch leaves.
fn found_missing(context: &Context<'_>, test: Test<'_>, scope: ScopeId) -> Vec<Missing> {
    let mut all = Vec::new();
    missing_in(context, test.test, scope, false, test.body, &mut all);
    if let Some(otherwise) = test.otherwise {
        missing_in(context, test.test, scope, true, otherwise, &mut all);
    }
    all
}

/// `connection = self.connections.get(key)`: what a name was asked of before a test.
fn asked_of<'a>(
    context: &'a Context<'_>,
    name: &Expr,
    test: &Expr,
    scope: ScopeId,
) -> Option<(&'a ast::ExprCall, &'a Expr, &'a Expr)> {
    let name = name.as_name_expr()?;
    let (_, bindings) = context.names().lookup(name.id.as_str(), scope)?;
    let (call, method) = bindings.iter().rev().find_map(|binding| match binding {
        Binding::Value(Expr::Call(call)) if call.end() <= test.start() => {
            Some((call, call.func.as_attribute_expr()?))
        }
        _ => None,
    })?;
    let key = call.arguments.args.first()?;
    (method.attr.as_str() == "get").then_some((call, &*method.value, key))
}

fn missing_in(
    context: &Context<'_>,
    test: &Expr,
    scope: ScopeId,
    negated: bool,
    area: TextRange,
    all: &mut Vec<Missing>,
) {
    let mut push = |expr: &Expr, key: Option<&Expr>| {
        if !matches!(expr, Expr::Name(_) | Expr::Attribute(_)) {
            return;
        }
        let asked = key
            .is_none()
            .then(|| asked_of(context, expr, test, scope))
            .flatten();
        let (expr, key, range) = match asked {
            Some((call, container, key)) => (container, Some(key), call.range()),
            None => (expr, key, test.range()),
        };
        if let Some(place) = shared(context, expr, scope) {
            let key = key.map(|key| context.source(key).to_owned());
            all.push(Missing {
                place,
                key,
                range,
                area,
            });
        }
    };
    match test {
        Expr::UnaryOp(found) if found.op == UnaryOp::Not => {
            if negated {
                missing_in(context, &found.operand, scope, false, area, all);
            } else {
                missing_in(context, &found.operand, scope, true, area, all);
            }
        }
        Expr::BoolOp(found) => {
            for value in &found.values {
                missing_in(context, value, scope, negated, area, all);
            }
        }
        Expr::Compare(found) => {
            let ([op], [right]) = (&*found.ops, &*found.comparators) else {
                return;
            };
            match op {
                CmpOp::Is | CmpOp::Eq if !negated && right.is_none_literal_expr() => {
                    push(&found.left, None)
                }
                CmpOp::IsNot | CmpOp::NotEq if negated && right.is_none_literal_expr() => {
                    push(&found.left, None);
                }
                CmpOp::NotIn if !negated => push(right, Some(&found.left)),
                CmpOp::In if negated => push(right, Some(&found.left)),
                _ => {}
            }
        }
        Expr::Name(_) | Expr::Attribute(_) if negated => push(test, None),
        _ => {}
    }
}

/// What is missing is assigned after an await, and nothing kept others from doing the same.
pub(super) fn lazily_made(checker: &Checker<'_>, flow: &Flow<'_>, test: Test<'_>) -> Vec<Report> {
    found_missing(&checker.context, test, checker.scope())
        .iter()
        .filter_map(|missing| made(checker, flow, missing))
        .collect()
}

fn made(checker: &Checker<'_>, flow: &Flow<'_>, missing: &Missing) -> Option<Report> {
    let context = &checker.context;
    let checked = flow.steps.iter().rposition(|step| match step.what {
        What::Read(expr) => {
            missing.range.contains_range(expr.range())
                && place(expr).as_deref() == Some(missing.place.as_str())
        }
        _ => false,
    })?;
    for (index, step) in flow.steps.iter().enumerate().skip(checked + 1) {
        let What::Write {
            target,
            value: Some(value),
            augmented: false,
        } = step.what
        else {
            continue;
        };
        if !missing.area.contains_range(target.range()) || !is_place(context, target, missing) {
            continue;
        }
        if value.is_none_literal_expr() || !flow.follows(checked, index) {
            continue;
        }
        let awaits: Vec<(usize, &Suspension<'_>)> =
            context.suspensions(flow, checked, index).collect();
        let ([(_, suspension), ..], [.., (last, _)]) = (&*awaits, &*awaits) else {
            continue;
        };
        // Claimed before the first await, or asked again after the last one.
        let claimed = flow
            .between(checked, index)
            .any(|middle| match flow.steps[middle].what {
                What::Write { target, .. } => is_place(context, target, missing),
                What::Read(expr) => {
                    middle > *last
                        && place(expr).as_deref() == Some(missing.place.as_str())
                        && !target.range().contains_range(expr.range())
                }
                _ => false,
            });
        if claimed
            || asked_again_under_lock(context, flow, missing, index)
            || locked(context, flow, checked, index)
            || !(comes_from_await(flow, value, index)
                || (missing.key.is_some() && is_empty_container(value)))
            || !many_ask(context, flow, missing, index)
            || is_looked_up(flow, value, index)
        {
            continue;
        }
        let name = &missing.place;
        let report = Report::new(
            &RULE,
            missing.range,
            format!("`{name}` is made after an `await`, so two tasks may both find it missing"),
        )
        .related(checker, suspension.range(), "other tasks run here")
        .related(checker, target.range(), "it is set here")
        .help("hold an `asyncio.Lock` from the check to the assignment");
        return Some(report);
    }
    None
}

/// Whether one may take it that several tasks ask: it is handed out to callers, or kept by key, or one for all instances.
fn many_ask(context: &Context<'_>, flow: &Flow<'_>, missing: &Missing, index: usize) -> bool {
    if missing.key.is_some() || !missing.place.starts_with("self.") {
        return true;
    }
    // What is read from a stream of the object's own is read by whom the object belongs to.
    let What::Write {
        value: Some(value), ..
    } = flow.steps[index].what
    else {
        return false;
    };
    let text = context.source(value);
    let own_stream = ["read", "recv", "receive", "parse", "body", "json", "text"]
        .iter()
        .any(|word| {
            text.rsplit_once('(')
                .is_some_and(|(called, _)| called.ends_with(word))
                || text.contains(&format!(".{word}("))
        });
    !own_stream
        && flow
            .steps
            .iter()
            .enumerate()
            .any(|(later, step)| match step.what {
                What::Return(found) => {
                    found.value.as_deref().is_some_and(|value| {
                        place(value).as_deref() == Some(missing.place.as_str())
                    }) && (flow.follows(index, later) || later < index)
                }
                _ => false,
            })
}

/// The usual second check: a lock is taken around the assignment, and the place is read again inside.
fn asked_again_under_lock(
    context: &Context<'_>,
    flow: &Flow<'_>,
    missing: &Missing,
    index: usize,
) -> bool {
    let step = flow.steps[index];
    flow.frames(step.frame).any(|(id, frame)| match frame.kind {
        FrameKind::With { item, .. } if may_exclude(context, &item.context_expr, step.scope) => {
            flow.steps[..index].iter().any(|other| match other.what {
                What::Read(expr) => {
                    flow.within(other.frame, id)
                        && place(expr).as_deref() == Some(missing.place.as_str())
                }
                _ => false,
            })
        }
        _ => false,
    })
}

fn is_place(context: &Context<'_>, target: &Expr, missing: &Missing) -> bool {
    match (target, &missing.key) {
        (Expr::Subscript(found), Some(key)) => {
            place(&found.value).as_deref() == Some(missing.place.as_str())
                && context.source(&*found.slice) == key
        }
        (target, None) => place(target).as_deref() == Some(missing.place.as_str()),
        _ => false,
    }
}

/// What others have filled by now is replaced by an empty one.
fn is_empty_container(value: &Expr) -> bool {
    match value {
        Expr::Dict(found) => found.items.is_empty(),
        Expr::List(found) => found.elts.is_empty(),
        Expr::Call(found) => {
            found.arguments.is_empty()
                && matches!(&*found.func, Expr::Name(name) if matches!(name.id.as_str(), "dict" | "list" | "set" | "OrderedDict"))
        }
        _ => false,
    }
}

/// Whether what is set was only asked for: `self._user = await client.get_user()`. Who asks twice gets the same twice, and
/// nothing is lost but the time.
fn is_looked_up(flow: &Flow<'_>, value: &Expr, index: usize) -> bool {
    const VERBS: &[&str] = &[
        "get", "aget", "fetch", "load", "aload", "read", "aread", "lookup", "find", "resolve",
        "aresolve", "query", "list", "search", "retrieve", "download",
    ];
    // Who gets one of these twice has two, and loses one.
    const THINGS: &[&str] = &[
        "connection",
        "conn",
        "session",
        "client",
        "token",
        "channel",
        "pool",
        "socket",
        "stream",
        "browser",
        "page",
        "driver",
    ];
    let is_lookup = |value: &Expr| {
        let Expr::Await(awaited) = value else {
            return false;
        };
        let Expr::Call(call) = &*awaited.value else {
            return false;
        };
        let words = || uses::called_name(call).split('_');
        words().any(|word| VERBS.contains(&word)) && !words().any(|word| THINGS.contains(&word))
    };
    match value {
        Expr::Await(_) => is_lookup(value),
        Expr::Name(name) => {
            let mut awaited = flow.steps[..index]
                .iter()
                .filter_map(|step| match step.what {
                    What::Write {
                        target: Expr::Name(found),
                        value: Some(value @ Expr::Await(_)),
                        ..
                    } if found.id == name.id => Some(is_lookup(value)),
                    _ => None,
                })
                .peekable();
            awaited.peek().is_some() && awaited.all(|is_lookup| is_lookup)
        }
        _ => false,
    }
}

/// The value is awaited, or a local that was.
fn comes_from_await(flow: &Flow<'_>, value: &Expr, index: usize) -> bool {
    struct Finds<'a> {
        awaits: bool,
        names: Vec<&'a str>,
    }
    impl<'a> ast::visitor::Visitor<'a> for Finds<'a> {
        fn visit_expr(&mut self, expr: &'a Expr) {
            match expr {
                Expr::Await(_) => self.awaits = true,
                Expr::Name(found) => self.names.push(found.id.as_str()),
                _ => {}
            }
            ast::visitor::walk_expr(self, expr);
        }
    }
    let mut finds = Finds {
        awaits: false,
        names: Vec::new(),
    };
    ast::visitor::Visitor::visit_expr(&mut finds, value);
    finds.awaits
        || flow.steps[..index].iter().any(|step| match step.what {
            What::Write {
                target: Expr::Name(name),
                value: Some(value),
                ..
            } => {
                finds.names.contains(&name.id.as_str()) && {
                    let mut inner = Finds {
                        awaits: false,
                        names: Vec::new(),
                    };
                    ast::visitor::Visitor::visit_expr(&mut inner, value);
                    inner.awaits
                }
            }
            _ => false,
        })
}
