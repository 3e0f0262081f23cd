//! What is to be done once, and is noted as done after an `await`: `if not self.initialized: await self.load()`,
//! `self.initialized = True`.

use ruff_python_ast::{self as ast, Expr, UnaryOp};
use ruff_text_size::{Ranged, TextRange};

use super::expired::{is_own, lets_in};
use super::{RULE, Test};
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, Suspension, What, place};
use crate::locks::locked;
use crate::names::ScopeId;
use crate::shared::{methods, shared};
use crate::uses;

pub(super) fn done_once(checker: &Checker<'_>, flow: &Flow<'_>, test: Test<'_>) -> Option<Report> {
    let context = &checker.context;
    let function = checker.function()?;
    let belongs_to_one = belongs_to_one_task(function.name.as_str())
        || is_for_the_owner(context, function, checker.scope());
    if belongs_to_one || context.is_test_module() {
        return None;
    }
    let mut asked = Vec::new();
    not_done(test.test, false, test.body, &mut asked);
    if let Some(otherwise) = test.otherwise {
        not_done(test.test, true, otherwise, &mut asked);
    }
    asked.into_iter().find_map(|(flag, area)| {
        let name = shared(context, flag, checker.scope())?;
        let says_done = name
            .rsplit('.')
            .next()?
            .split('_')
            .any(|word| matches!(word, "initialized" | "initialised" | "inited" | "ready" | "loaded" | "connected" | "authenticated" | "configured" | "prepared" | "opened"));
        if !says_done {
            return None;
        }
        let checked = flow.steps.iter().position(
            |step| matches!(step.what, What::Read(expr) if expr.range() == flag.range()),
        )?;
        // One task alone looks again and again.
        if flow.loops(flow.steps[checked].frame).next().is_some() {
            return None;
        }
        let (set, target) = flow.steps.iter().enumerate().skip(checked).find_map(
            |(index, step)| match step.what {
                What::Write {
                    target,
                    value: Some(Expr::BooleanLiteral(value)),
                    ..
                } => (value.value
                    && area.contains_range(target.range())
                    && flow.follows(checked, index)
                    && place(target).as_deref() == Some(name.as_str()))
                .then_some((index, target.range())),
                _ => None,
            },
        )?;
        let (waits, suspension) = context.suspensions(flow, checked, set).next()?;
        // A second flag may say that it is being done; and it may be asked again.
        let claimed = flow.between(checked, set).any(|middle| match flow.steps[middle].what {
            What::Write {
                target: Expr::Attribute(_),
                value: Some(value),
                ..
            } => middle < waits && !value.is_none_literal_expr(),
            What::Read(expr) => middle > waits && place(expr).as_deref() == Some(name.as_str()),
            _ => false,
        });
        (!claimed && !locked(context, flow, checked, set)).then(|| {
            Report::new(
                &RULE,
                test.test.range(),
                format!("`{name}` is set after an `await`, so two tasks may both do what is to be done once"),
            )
            .related(checker, suspension.range(), "other tasks run here")
            .related(checker, target, "it is set here")
            .help("hold an `asyncio.Lock` from the check to the assignment, and check again inside")
        })
    })
}

/// `if not self.is_connected: await self.connect()`, as several methods of the class begin: whoever calls two of them at once connects
/// twice, where nothing in `connect` keeps the second out.
pub(super) fn connected_by_many(
    checker: &Checker<'_>,
    flow: &Flow<'_>,
    test: Test<'_>,
) -> Option<Report> {
    const MANY: usize = 3;
    let context = &checker.context;
    let mut asked = Vec::new();
    not_done(test.test, false, test.body, &mut asked);
    let [(Expr::Attribute(flag), _)] = &*asked else {
        return None;
    };
    let name = flag.attr.as_str();
    let text = context.source(test.test);
    let asking = methods(context, checker.scope())
        .into_iter()
        .filter(|(method, _)| method.is_async && context.source(*method).contains(text))
        .count();
    if !name.contains("connected") || asking < MANY || context.is_test_module() {
        return None;
    }
    flow.steps.iter().enumerate().find_map(|(index, step)| {
        let What::Suspend(Suspension::Await(awaited)) = &step.what else {
            return None;
        };
        let Expr::Call(call) = &*awaited.value else {
            return None;
        };
        let connects = test.body.contains_range(awaited.range())
            && uses::called_name(call).contains("connect")
            && is_own(context, call, step.scope)
            && !locked(context, flow, index, index)
            && flow.loops(step.frame).next().is_none();
        let asks_again = || {
            let def = context.called_function(call, step.scope)?;
            context.in_function(def, |context, function, own| {
                let keeps_out = |function: &ast::StmtFunctionDef| {
                    let text = context.source(function);
                    ["lock", "connecting", name]
                        .iter()
                        .any(|word| text.contains(word))
                };
                // What it calls may be a subclass's own.
                let called_keeps_out = context.flow(own).steps.iter().any(|step| match step.what {
                    What::Call(call) => context.names().functions.iter().any(|(other, _)| {
                        other.name.as_str() == uses::called_name(call) && keeps_out(other)
                    }),
                    _ => false,
                });
                keeps_out(function) || called_keeps_out
            })
        };
        (connects && asks_again() == Some(false) && lets_in(context, call, step.scope, 0)).then(
            || {
                Report::new(
                    &RULE,
                    test.test.range(),
                    "Several methods connect when this says so, and two tasks may both do it",
                )
                .related(
                    checker,
                    awaited.range(),
                    "other tasks run here, and find no connection either",
                )
                .help("hold an `asyncio.Lock` around the check and the connecting")
            },
        )
    })
}

/// The flags that are false in an area: `not self.ready`, and `self.ready` where the branch for it leaves.
fn not_done<'e>(
    test: &'e Expr,
    negated: bool,
    area: TextRange,
    all: &mut Vec<(&'e Expr, TextRange)>,
) {
    match test {
        Expr::UnaryOp(found) if found.op == UnaryOp::Not => {
            not_done(&found.operand, !negated, area, all);
        }
        Expr::BoolOp(found) => {
            for value in &found.values {
                not_done(value, negated, area, all);
            }
        }
        Expr::Attribute(_) | Expr::Name(_) if negated => all.push((test, area)),
        _ => {}
    }
}

/// `initialize()`, where no method of the class calls it when it is needed: whoever made the object does.
fn is_for_the_owner(
    context: &Context<'_>,
    function: &ast::StmtFunctionDef,
    scope: ScopeId,
) -> bool {
    let name = function.name.as_str();
    let called = format!("self.{name}()");
    matches!(
        name,
        "initialize" | "initialise" | "init" | "start" | "open"
    ) && !methods(context, scope).into_iter().any(|(method, _)| {
        method.name.as_str() != "__aenter__" && context.source(method).contains(&called)
    })
}

/// What whoever owns an object calls, once: steps of a protocol, and what starts or ends it.
fn belongs_to_one_task(name: &str) -> bool {
    let words: Vec<&str> = name.trim_matches('_').split('_').collect();
    words.iter().any(|word| {
        matches!(
            *word,
            "run"
                | "main"
                | "loop"
                | "step"
                | "setup"
                | "stop"
                | "close"
                | "disconnect"
                | "shutdown"
                | "added"
                | "entry"
                | "reset"
                | "handle"
                | "on"
                | "event"
                | "process"
                | "update"
        )
    })
}
