//! What is to be done once, and is noted as done after an `await`: `if not self.initialized: await self.load()`,
//! `self.initialized = True`.

use ruff_python_ast::{Expr, UnaryOp};
use ruff_text_size::{Ranged, TextRange};

use super::{RULE, Test};
use crate::checker::{Checker, Report};
use crate::flow::{Flow, What, place};
use crate::locks::locked;
use crate::shared::shared;

pub(super) fn done_once(checker: &Checker<'_>, flow: &Flow<'_>, test: Test<'_>) -> Option<Report> {
    let context = &checker.context;
    let function = checker.function()?;
    if belongs_to_one_task(function.name.as_str()) || context.is_test_module() {
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
