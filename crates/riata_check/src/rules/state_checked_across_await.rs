use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, FrameKind, Suspension, What, place};
use crate::locks::{callers_hold, held, locked, may_exclude, method_call};
use crate::names::{ScopeId, first_parameter};
use crate::rules::check_then_act_across_await::{self, Test, tests};
use crate::rules::rule;
use crate::shared::{CHANGES, shared};

rule! {
    /// ## What it does
    /// Finds every test of an attribute of `self`, of a class's or of a global that is followed by an `await` and then by a change of what
    /// was tested, here or in the method that is awaited, without a lock. Off by default: `check-then-act-across-await` reports the
    /// forms of which one may take it that several tasks come to them.
    ///
    /// ## Why is this bad?
    /// At the `await` another task makes the same test, with the same answer: both connect, both log in, both count themselves as
    /// the last that fits.
    ///
    /// ## Example
    /// ```python
    /// async def send(self, message):
    ///     if not self.connected:
    ///         await self.connect()
    ///     await self.write(message)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def send(self, message):
    ///     async with self.connecting:
    ///         if not self.connected:
    ///             await self.connect()
    ///     await self.write(message)
    /// ```
    ///
    /// ## False alarms known
    /// An object that one task alone uses, and flags that are meant to be seen late.
    "RIA710", "state-checked-across-await", default: false, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let context = &checker.context;
    if !function.is_async || callers_hold(context, function, checker.scope()) {
        return;
    }
    let flow = context.flow(checker.scope());
    let reported: Vec<TextRange> = check_then_act_across_await::found(checker, function)
        .into_iter()
        .map(|report| report.range)
        .collect();
    for test in tests(&function.body) {
        if reported.contains(&test.test.range()) {
            continue;
        }
        let Some((name, suspension, change)) = changed(checker, &flow, test) else {
            continue;
        };
        let mut report = Report::new(
            &RULE,
            test.test.range(),
            format!("`{name}` is tested before an `await` and changed after it"),
        )
        .related(
            checker,
            suspension,
            "other tasks run here and make the same test",
        );
        if let Some(change) = change {
            report = report.related(checker, change, "it is changed here");
        }
        checker.report(
            report
                .help("hold an `asyncio.Lock` from the test to the change, and test inside of it"),
        );
    }
}

/// What was tested, where other tasks run, and where it is changed after that; that is elsewhere when a method does it.
fn changed(
    checker: &Checker<'_>,
    flow: &Flow<'_>,
    test: Test<'_>,
) -> Option<(String, TextRange, Option<TextRange>)> {
    let context = &checker.context;
    let read: Vec<String> = flow
        .steps
        .iter()
        .filter_map(|step| match step.what {
            What::Read(expr)
                if test.test.range().contains_range(expr.range())
                    && (expr.is_attribute_expr() || expr.is_name_expr())
                    && !is_called(test.test, expr) =>
            {
                shared(context, expr, step.scope)
            }
            _ => None,
        })
        .collect();
    let tested = test.last_read(flow)?;
    let first = |from: usize| {
        flow.steps
            .iter()
            .enumerate()
            .skip(from)
            .find_map(|(index, step)| match &step.what {
                What::Suspend(suspension)
                    if test.decides(suspension.range())
                        && !matches!(suspension, Suspension::Yield(_))
                        && flow.follows(tested, index)
                        && context.suspends(suspension, step.scope) =>
                {
                    Some((index, *suspension))
                }
                _ => None,
            })
    };
    let (index, suspension) = first(tested + 1)?;
    // One task alone looks again and again.
    if locked(context, flow, tested, index) || flow.loops(flow.steps[index].frame).next().is_some()
    {
        return None;
    }
    let claims = |text: &str| {
        (tested + 1..index).any(|middle| changes(context, flow, middle).as_deref() == Some(text))
    };
    let here = (index + 1..flow.steps.len()).find_map(|later| {
        let text = changes(context, flow, later)?;
        let range = match flow.steps[later].what {
            What::Write { target, .. } => target.range(),
            What::Delete(target) => target.range(),
            What::Call(call) => call.range(),
            _ => return None,
        };
        (test.decides(range)
            && read.contains(&text)
            && flow.follows(index, later)
            && !claims(&text)
            && !tested_again_under_lock(context, flow, &text, later))
        .then_some((text, range))
    });
    if let Some((text, range)) = here {
        return Some((text, suspension.range(), Some(range)));
    }
    let Suspension::Await(awaited) = suspension else {
        return None;
    };
    let Expr::Call(call) = &*awaited.value else {
        return None;
    };
    let text = read.into_iter().find(|text| {
        !claims(text) && changes_there(context, call, flow.steps[index].scope, text, 0)
    })?;
    Some((text, awaited.range(), None))
}

/// The usual second test: a lock is held around the change, and the place is read again inside.
fn tested_again_under_lock(
    context: &Context<'_>,
    flow: &Flow<'_>,
    text: &str,
    change: usize,
) -> bool {
    let step = &flow.steps[change];
    flow.frames(step.frame).any(|(id, frame)| match frame.kind {
        FrameKind::With { item, .. } if may_exclude(context, &item.context_expr, step.scope) => {
            flow.steps[..change].iter().any(|other| match other.what {
                What::Read(expr) => {
                    flow.within(other.frame, id) && place(expr).as_deref() == Some(text)
                }
                _ => false,
            })
        }
        _ => false,
    })
}

/// The shared place that a step changes, as a whole or an entry of it.
fn changes(context: &Context<'_>, flow: &Flow<'_>, index: usize) -> Option<String> {
    let step = &flow.steps[index];
    match step.what {
        What::Write { target, .. } | What::Delete(target) => shared(context, target, step.scope),
        What::Call(call) => shared(context, method_call(call, CHANGES)?, step.scope),
        _ => None,
    }
}

/// Whether an expression is what a call calls: a method is no state.
fn is_called(test: &Expr, expr: &Expr) -> bool {
    let mut found = false;
    crate::uses::exprs_in(test, false, &mut |inner| {
        found |= matches!(inner, Expr::Call(call) if call.func.range() == expr.range());
    });
    found
}

/// Whether a method of the same object changes what was tested after an await, without a lock and without testing it again.
fn changes_there(
    context: &Context<'_>,
    call: &ast::ExprCall,
    scope: ScopeId,
    text: &str,
    depth: usize,
) -> bool {
    let is_own = match &*call.func {
        Expr::Attribute(found) => matches!(&*found.value, Expr::Name(owner)
        if context.names().enclosing_function(scope).is_some_and(|(_, function)| {
            first_parameter(function) == Some(owner.id.as_str())
        })),
        _ => false,
    };
    if !is_own || depth > 3 {
        return false;
    }
    let Some(def) = context.called_function(call, scope) else {
        return false;
    };
    context
        .in_function(def, |context, _, own| {
            let inner = context.flow(own);
            let mut waited = depth > 0;
            for (index, step) in inner.steps.iter().enumerate() {
                if held(context, &inner, step.frame, step.scope) {
                    return false;
                }
                match &step.what {
                    What::Suspend(found) => waited |= context.suspends(found, step.scope),
                    // It claims it, or asks again.
                    What::Read(expr) if !waited && place(expr).as_deref() == Some(text) => {
                        return false;
                    }
                    What::Call(call)
                        if changes_there(context, call, step.scope, text, depth + 1) =>
                    {
                        return true;
                    }
                    _ => {}
                }
                let cleared = matches!(
                    step.what,
                    What::Write {
                        value: Some(Expr::NoneLiteral(_)),
                        ..
                    }
                );
                // What is set to nothing says to nobody that it is on its way.
                if changes(context, &inner, index).as_deref() == Some(text) && (waited || !cleared)
                {
                    return waited;
                }
            }
            false
        })
        .unwrap_or(false)
}
