//! What has expired and is renewed after an `await`.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use super::{RULE, Test};
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, Suspension, What, place};
use crate::locks::{held, locked};
use crate::names::{ScopeId, first_parameter};
use crate::shared::shared;
use crate::uses;

/// `if self.token.is_expired(): await self.refresh()`, where nothing in `refresh` keeps the second caller out.
pub(super) fn refreshed(checker: &Checker<'_>, flow: &Flow<'_>, test: Test<'_>) -> Option<Report> {
    let context = &checker.context;
    let (place, asked) = match test.test {
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(found) => (&*found.value, found.attr.as_str()),
            _ => return None,
        },
        Expr::Attribute(found) => (&*found.value, found.attr.as_str()),
        _ => return None,
    };
    if !asked.contains("expired") {
        return None;
    }
    shared(context, place, checker.scope())?;
    for (index, step) in flow.steps.iter().enumerate() {
        let What::Suspend(Suspension::Await(awaited)) = &step.what else {
            continue;
        };
        let Expr::Call(call) = &*awaited.value else {
            continue;
        };
        if !test.body.contains_range(awaited.range()) || locked(context, flow, index, index) {
            continue;
        }
        let callees = context.callees(call, step.scope);
        let [callee] = &*callees else { continue };
        let Some(def) = callee
            .def
            .filter(|def| context.program().is_first_party(def.file))
        else {
            continue;
        };
        let keeps_out = context.in_function(def, |context, function, own| {
            let inner = context.flow(own);
            let text = context.source(function);
            !function.is_async
                || text.contains("expired")
                || text.contains("is_set(")
                || text.contains(".wait(")
                || inner
                    .steps
                    .iter()
                    .any(|step| held(context, &inner, step.frame, step.scope))
                || !inner
                    .steps
                    .iter()
                    .any(|step| matches!(step.what, What::Suspend(_)))
        });
        if keeps_out == Some(false) {
            return Some(report(checker, test, awaited));
        }
    }
    None
}

fn report(checker: &Checker<'_>, test: Test<'_>, awaited: &ast::ExprAwait) -> Report {
    Report::new(
        &RULE,
        test.test.range(),
        "What has expired is renewed after an `await`, so several tasks may each renew it",
    )
    .related(
        checker,
        awaited.range(),
        "other tasks run here and find it expired as well",
    )
    .help("hold an `asyncio.Lock` from the check to the renewal, and check again inside")
}

/// `if time() > self.expires_at - 60: self.token = await …`: the time of a shared thing's end is asked, and the thing replaced after an
/// await, here or in the method that is awaited. The same where the branch for what is still fresh leaves.
pub(super) fn renewed_in_time(
    checker: &Checker<'_>,
    flow: &Flow<'_>,
    test: Test<'_>,
) -> Option<Report> {
    let context = &checker.context;
    let mut places = Vec::new();
    ending_places(test.test, &mut places);
    places.retain(|place| shared(context, place, checker.scope()).is_some());
    if places.is_empty() || !asks_the_time(test.test) {
        return None;
    }
    // All that the test reads, and what belongs to it: of `self.token.expires_at`, also `self.token`.
    let read: Vec<String> = flow
        .steps
        .iter()
        .filter_map(|step| match step.what {
            What::Read(expr) if test.test.range().contains_range(expr.range()) => {
                shared(context, expr, step.scope)
                    .filter(|_| expr.is_attribute_expr() || expr.is_name_expr())
            }
            _ => None,
        })
        .collect();
    let checked = test.last_read(flow)?;
    for (index, step) in flow.steps.iter().enumerate().skip(checked) {
        let What::Suspend(Suspension::Await(awaited)) = &step.what else {
            continue;
        };
        if !test.decides(awaited.range())
            || !flow.follows(checked, index)
            || locked(context, flow, checked, index)
        {
            continue;
        }
        // One task alone looks again and again.
        if flow.loops(step.frame).next().is_some() {
            return None;
        }
        let written_after =
            flow.steps
                .iter()
                .enumerate()
                .skip(index)
                .any(|(later, step)| match step.what {
                    What::Write {
                        target,
                        value: Some(value),
                        ..
                    } => {
                        test.decides(target.range())
                            && !value.is_none_literal_expr()
                            && flow.follows(index, later)
                            && place(target).is_some_and(|text| read.contains(&text))
                    }
                    _ => false,
                });
        let written_there = || match &*awaited.value {
            Expr::Call(call) => {
                replaces(context, call, step.scope, &read, 0)
                    || renews_by_name(context, call, step.scope)
            }
            _ => false,
        };
        return (written_after || written_there()).then(|| report(checker, test, awaited));
    }
    None
}

/// Whether a call of the project's own replaces what was read, here or in what it calls, without a lock and without asking again.
fn replaces(
    context: &Context<'_>,
    call: &ast::ExprCall,
    scope: ScopeId,
    read: &[String],
    depth: usize,
) -> bool {
    let Some(def) = context.called_function(call, scope) else {
        return false;
    };
    let replaces = context.in_function(def, |context, function, own| {
        let inner = context.flow(own);
        // What is awaited must itself wait, or nobody else runs.
        let waits = depth > 0
            || (function.is_async
                && inner
                    .steps
                    .iter()
                    .any(|step| matches!(step.what, What::Suspend(_))));
        let keeps_out = inner
            .steps
            .iter()
            .any(|step| held(context, &inner, step.frame, step.scope));
        if !waits || keeps_out {
            return false;
        }
        for step in &inner.steps {
            match step.what {
                What::Write { target, .. }
                    if place(target).is_some_and(|text| read.contains(&text)) =>
                {
                    return true;
                }
                // Asked again before it is replaced.
                What::Read(expr) if place(expr).is_some_and(|text| asks_again(&text)) => {
                    return false;
                }
                What::Call(call)
                    if depth < 2
                        && is_own(context, call, step.scope)
                        && replaces(context, call, step.scope, read, depth + 1) =>
                {
                    return true;
                }
                _ => {}
            }
        }
        false
    });
    replaces == Some(true)
}

/// `self.refresh_token()`, which says what it does, and where nothing keeps a second caller out: what it replaces may be a property.
fn renews_by_name(context: &Context<'_>, call: &ast::ExprCall, scope: ScopeId) -> bool {
    let says_so = uses::called_name(call).split('_').any(|word| {
        matches!(
            word,
            "refresh" | "renew" | "login" | "relogin" | "authenticate" | "reauthenticate"
        )
    });
    says_so && is_own(context, call, scope) && lets_in(context, call, scope, 0)
}

/// Whether what is called waits, and neither it nor what it calls of the same object holds a lock or asks again.
pub(super) fn lets_in(
    context: &Context<'_>,
    call: &ast::ExprCall,
    scope: ScopeId,
    depth: usize,
) -> bool {
    let Some(def) = context.called_function(call, scope) else {
        return false;
    };
    context
        .in_function(def, |context, function, own| {
            let inner = context.flow(own);
            let waits = function.is_async
                && inner
                    .steps
                    .iter()
                    .any(|step| matches!(step.what, What::Suspend(_)));
            (waits || depth > 0)
                && inner.steps.iter().all(|step| match step.what {
                    What::Read(expr) => place(expr).is_none_or(|text| !asks_again(&text)),
                    What::Call(call) => {
                        !held(context, &inner, step.frame, step.scope)
                            && (depth > 2
                                || !is_own(context, call, step.scope)
                                || context.callees(call, step.scope).is_empty()
                                || lets_in(context, call, step.scope, depth + 1))
                    }
                    _ => !held(context, &inner, step.frame, step.scope),
                })
        })
        .unwrap_or(false)
}

/// A method of the same object: `self.store(tokens)`.
pub(super) fn is_own(context: &Context<'_>, call: &ast::ExprCall, scope: ScopeId) -> bool {
    match &*call.func {
        Expr::Attribute(found) => matches!(&*found.value, Expr::Name(owner)
        if context.names().enclosing_function(scope).is_some_and(|(_, function)| {
            first_parameter(function) == Some(owner.id.as_str())
        })),
        _ => false,
    }
}

/// Attributes and globals that say when something ends.
fn ending_places<'a>(expr: &'a Expr, places: &mut Vec<&'a Expr>) {
    struct Finds<'a, 'b> {
        places: &'b mut Vec<&'a Expr>,
    }
    impl<'a> ast::visitor::Visitor<'a> for Finds<'a, '_> {
        fn visit_expr(&mut self, expr: &'a Expr) {
            if place(expr).is_some_and(|text| is_an_end(&text)) {
                self.places.push(expr);
            } else {
                ast::visitor::walk_expr(self, expr);
            }
        }
    }
    ast::visitor::Visitor::visit_expr(&mut Finds { places }, expr);
}

fn is_an_end(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    ["expir", "valid_until", "valid_to"]
        .iter()
        .any(|word| last.to_ascii_lowercase().contains(word))
}

/// An attribute that says when something ends, not a local: `expires_in` of an answer.
fn asks_again(text: &str) -> bool {
    text.contains('.') && is_an_end(text)
}

/// `time.time()`, `datetime.now(…)`, `loop.time()` or a local called `now`, compared with something.
fn asks_the_time(test: &Expr) -> bool {
    struct Finds {
        found: bool,
    }
    impl<'a> ast::visitor::Visitor<'a> for Finds {
        fn visit_expr(&mut self, expr: &'a Expr) {
            let called = match expr {
                Expr::Call(call) => match &*call.func {
                    Expr::Attribute(found) => found.attr.as_str(),
                    Expr::Name(found) => found.id.as_str(),
                    _ => "",
                },
                Expr::Name(found) => found.id.as_str(),
                _ => "",
            };
            self.found |= matches!(
                called,
                "time" | "now" | "utcnow" | "monotonic" | "perf_counter"
            );
            ast::visitor::walk_expr(self, expr);
        }
    }
    let mut finds = Finds { found: false };
    ast::visitor::Visitor::visit_expr(&mut finds, test);
    finds.found
}
