//! What is found missing and made after an `await`.

use ruff_python_ast::{self as ast, CmpOp, Expr, UnaryOp};
use ruff_text_size::{Ranged, TextRange};

use super::{RULE, Test};
use crate::annotations::last_name;
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, FrameKind, Suspension, What, ends, place};
use crate::locks::{locked, may_exclude};
use crate::names::{Binding, ScopeId};
use crate::shared::{methods, shared, shared_attribute};
use crate::uses;

/// A place that a test finds missing, and the branch that it is missing in.
struct Missing {
    place: String,
    /// The key that is missing in it.
    key: Option<String>,
    range: TextRange,
    /// Where it is missing: the branch, or what follows it.
    area: TextRange,
    /// The step from which on it is missing, when that is not the last that reads it in `range`.
    from: Option<usize>,
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

/// What an expression of a test asks for: a place, the key in it, and where it is asked.
fn asked(
    context: &Context<'_>,
    expr: &Expr,
    test: &Expr,
    scope: ScopeId,
) -> Option<(String, Option<String>, TextRange)> {
    match expr {
        // `if (found := self.items.get(key)) is None`
        Expr::Named(found) => asked(context, &found.value, test, scope),
        Expr::Call(call) => asked_by_call(context, call, scope),
        Expr::Name(name) => asked_before(context, name, test, scope)
            .and_then(|call| asked_by_call(context, call, scope))
            .or_else(|| Some((shared(context, expr, scope)?, None, test.range()))),
        Expr::Attribute(_) => Some((shared(context, expr, scope)?, None, test.range())),
        _ => None,
    }
}

/// `self.items.get(key)`, `getattr(self, "name", None)`, `hasattr(self, "name")`
fn asked_by_call(
    context: &Context<'_>,
    call: &ast::ExprCall,
    scope: ScopeId,
) -> Option<(String, Option<String>, TextRange)> {
    match (&*call.func, &*call.arguments.args) {
        (Expr::Attribute(method), [key, ..]) if method.attr.as_str() == "get" => {
            let place = shared(context, &method.value, scope)?;
            Some((place, Some(context.source(key).to_owned()), call.range()))
        }
        (Expr::Name(name), [owner, Expr::StringLiteral(attribute), rest @ ..])
            if (name.id == "hasattr" && rest.is_empty())
                || (name.id == "getattr" && matches!(rest, [Expr::NoneLiteral(_)])) =>
        {
            let place = shared_attribute(context, owner, attribute.value.to_str(), scope)?;
            Some((place, None, call.range()))
        }
        _ => None,
    }
}

/// `connection = self.connections.get(key)`: what a name was given before a test.
fn asked_before<'a>(
    context: &Context<'a>,
    name: &ast::ExprName,
    test: &Expr,
    scope: ScopeId,
) -> Option<&'a ast::ExprCall> {
    let (_, bindings) = context.names().lookup(name.id.as_str(), scope)?;
    bindings.iter().rev().find_map(|binding| match binding {
        Binding::Value(Expr::Call(call)) if call.end() <= test.start() => {
            call.func.is_attribute_expr().then_some(call)
        }
        _ => None,
    })
}

fn missing_in(
    context: &Context<'_>,
    test: &Expr,
    scope: ScopeId,
    negated: bool,
    area: TextRange,
    all: &mut Vec<Missing>,
) {
    let mut push = |found: Option<(String, Option<String>, TextRange)>| {
        if let Some((place, key, range)) = found {
            all.push(Missing {
                place,
                key,
                range,
                area,
                from: None,
            });
        }
    };
    let of = |expr: &Expr| asked(context, expr, test, scope);
    let keyed = |container: &Expr, key: &Expr| {
        (container.is_name_expr() || container.is_attribute_expr())
            .then(|| shared(context, container, scope))
            .flatten()
            .map(|place| (place, Some(context.source(key).to_owned()), test.range()))
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
                    push(of(&found.left));
                }
                CmpOp::IsNot | CmpOp::NotEq if negated && right.is_none_literal_expr() => {
                    push(of(&found.left));
                }
                CmpOp::NotIn if !negated => push(keyed(right, &found.left)),
                CmpOp::In if negated => push(keyed(right, &found.left)),
                _ => {}
            }
        }
        Expr::Name(_) | Expr::Attribute(_) | Expr::Named(_) | Expr::Call(_) if negated => {
            push(of(test));
        }
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

/// `try: return self.items[key]`, `except KeyError:` and then the same.
pub(super) fn made_after_miss(
    checker: &Checker<'_>,
    flow: &Flow<'_>,
    function: &ast::StmtFunctionDef,
) -> Vec<Report> {
    let context = &checker.context;
    let mut reports = Vec::new();
    for (index, step) in flow.steps.iter().enumerate() {
        let What::Catch(handler) = step.what else {
            continue;
        };
        let FrameKind::Handler(whole, _) = flow.frame(step.frame).kind else {
            continue;
        };
        let (of_keys, of_attributes) = misses(context, handler);
        if !(of_keys || of_attributes) || whole.body.len() > 2 {
            continue;
        }
        // Where the `try` leaves with what it found, all that follows runs when it found nothing.
        let area = if ends(&whole.body).falls {
            handler.range()
        } else {
            TextRange::new(handler.start(), function.end())
        };
        let read = flow.steps[..index].iter().find_map(|read| {
            let is_tried = flow.frames(read.frame).any(|(_, frame)| {
                matches!(frame.kind, FrameKind::Try(found) if found.range() == whole.range())
            });
            let (owner, key) = match read.what {
                What::Read(Expr::Subscript(found)) if of_keys => (
                    &*found.value,
                    Some(context.source(&*found.slice).to_owned()),
                ),
                What::Read(expr @ Expr::Attribute(_)) if of_attributes => (expr, None),
                _ => return None,
            };
            let range = whole.body.first()?.range();
            (is_tried && (owner.is_name_expr() || owner.is_attribute_expr()))
                .then(|| shared(context, owner, read.scope))
                .flatten()
                .map(|place| (place, key, range))
        });
        if let Some((place, key, range)) = read {
            let missing = Missing {
                place,
                key,
                range,
                area,
                from: Some(index),
            };
            reports.extend(made(checker, flow, &missing));
        }
    }
    reports
}

/// Whether a handler is for keys that are missing, and for attributes.
fn misses(context: &Context<'_>, handler: &ast::ExceptHandlerExceptHandler) -> (bool, bool) {
    let classes = match handler.type_.as_deref() {
        Some(Expr::Tuple(classes)) => &*classes.elts,
        Some(class) => std::slice::from_ref(class),
        None => &[],
    };
    let has = |names: &[&str]| {
        classes
            .iter()
            .any(|class| names.contains(&context.source(class)))
    };
    (has(&["KeyError", "LookupError"]), has(&["AttributeError"]))
}

fn made(checker: &Checker<'_>, flow: &Flow<'_>, missing: &Missing) -> Option<Report> {
    let context = &checker.context;
    let checked = missing
        .from
        .or_else(|| {
            flow.steps.iter().rposition(|step| match step.what {
                What::Read(expr) => {
                    missing.range.contains_range(expr.range())
                        && place(expr).as_deref() == Some(missing.place.as_str())
                }
                _ => false,
            })
        })
        // `hasattr(self, "name")` names the place and does not read it.
        .or_else(|| {
            flow.steps.iter().rposition(
                |step| matches!(step.what, What::Call(call) if call.range() == missing.range),
            )
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
            || !(many_ask(context, flow, missing, index) || many_call(checker))
            || is_looked_up(flow, value, index)
            || joins_others(context, flow, value, index)
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
    const READS: &[&str] = &["read", "recv", "receive", "parse", "body", "json", "text"];
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
    let own_stream = READS.iter().any(|word| {
        text.rsplit_once('(')
            .is_some_and(|(called, _)| called.ends_with(word))
            || text.contains(&format!(".{word}("))
    });
    let waits_for_stream = flow.steps[..index].iter().any(|step| match step.what {
        What::Suspend(Suspension::Await(awaited)) => {
            missing.area.contains_range(awaited.range())
                && matches!(&*awaited.value, Expr::Call(call)
                    if READS.contains(&uses::called_name(call)))
        }
        _ => false,
    });
    !own_stream
        && !waits_for_stream
        && flow
            .steps
            .iter()
            .enumerate()
            .any(|(later, step)| match step.what {
                What::Return(found) => {
                    found
                        .value
                        .as_deref()
                        .is_some_and(|value| hands_out(value, &missing.place))
                        && (flow.follows(index, later) || later < index)
                }
                _ => false,
            })
}

/// `return self.token`, `return self.token.value`, `return kind, self.token`.
fn hands_out(value: &Expr, wanted: &str) -> bool {
    match value {
        Expr::Tuple(found) => found.elts.iter().any(|value| hands_out(value, wanted)),
        Expr::Attribute(found) => {
            place(value).as_deref() == Some(wanted) || hands_out(&found.value, wanted)
        }
        _ => place(value).as_deref() == Some(wanted),
    }
}

/// Whether the function is a step that many of its class's methods begin with: `await self._request(…)`.
fn many_call(checker: &Checker<'_>) -> bool {
    const MANY: usize = 3;
    let context = &checker.context;
    let Some(function) = checker.function() else {
        return false;
    };
    // The steps of a dialogue are taken by one user, one after another.
    let is_step = |name: &str| name.split('_').any(|word| word == "step");
    let called = format!("self.{}(", function.name);
    methods(context, checker.scope())
        .into_iter()
        .filter(|(method, _)| {
            method.is_async
                && !is_step(method.name.as_str())
                && context.source(*method).contains(&called)
        })
        .count()
        >= MANY
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

/// Whether the value is that of a task which all who find it missing wait for: `self.pool = await self.pool_task`. They set the
/// same.
fn joins_others(context: &Context<'_>, flow: &Flow<'_>, value: &Expr, index: usize) -> bool {
    let Expr::Await(awaited) = value else {
        return false;
    };
    let joined = match &*awaited.value {
        Expr::Call(call) if matches!(uses::called_name(call), "shield" | "wait_for") => {
            call.arguments.args.first()
        }
        other => Some(other),
    };
    let scope = flow.steps[index].scope;
    let is_shared = |expr: &Expr| shared(context, expr, scope).is_some();
    match joined {
        Some(joined @ (Expr::Attribute(_) | Expr::Subscript(_))) => is_shared(joined),
        // A local that was taken from there, or put there.
        Some(Expr::Name(name)) => flow.steps[..index].iter().any(|step| match step.what {
            What::Write {
                target: Expr::Name(local),
                value: Some(value),
                ..
            } if local.id == name.id => {
                is_shared(value)
                    || flow.steps[..index].iter().any(|other| match other.what {
                        What::Write {
                            target: target @ (Expr::Attribute(_) | Expr::Subscript(_)),
                            value: Some(stored),
                            ..
                        } => {
                            is_shared(target)
                                && (stored.range() == value.range()
                                    || matches!(stored, Expr::Name(stored) if stored.id == name.id))
                        }
                        _ => false,
                    })
            }
            _ => false,
        }),
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
        // Of what runs in a thread, that decides.
        let given = match uses::called_name(call) {
            "to_thread" => call.arguments.args.first(),
            name if name.contains("executor") => call
                .arguments
                .args
                .iter()
                .find(|given| !given.is_none_literal_expr()),
            // `asyncify(get_platform)()`
            _ => call
                .func
                .as_call_expr()
                .and_then(|made| made.arguments.args.first()),
        };
        let name = given
            .and_then(last_name)
            .unwrap_or_else(|| uses::called_name(call));
        // A pool of connections, not a record of one of workers.
        let is_thing = |(before, word): (&str, &str)| {
            THINGS.contains(&word)
                && !(word == "pool" && matches!(before, "work" | "worker" | "node" | "user"))
        };
        let words = || name.split('_');
        words().any(|word| VERBS.contains(&word))
            && !std::iter::once("")
                .chain(words())
                .zip(words())
                .any(is_thing)
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
