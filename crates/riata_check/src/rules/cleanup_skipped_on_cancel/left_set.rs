//! A flag that is set and put back around an await, or a counter, without a `finally`: `self.busy = True`, `await work()`,
//! `self.busy = False`.

use ruff_python_ast::{self as ast, Expr, Operator, Stmt, UnaryOp};
use ruff_text_size::{Ranged, TextRange};

use crate::cancellation::catches;
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, FrameId, FrameKind, What, ends, place};
use crate::names::ScopeId;
use crate::rules::Rule;
use crate::shared::{methods, shared};
use crate::uses;

/// A place that a failure or a cancellation leaves as it was set.
pub(in crate::rules) struct LeftSet {
    place: String,
    set: TextRange,
    suspension: TextRange,
    put_back: TextRange,
    /// Somebody asks for it and goes away, or waits: for ever, when it is never put back.
    pub(in crate::rules) keeps_out: bool,
}

impl LeftSet {
    pub(in crate::rules) fn report(&self, checker: &Checker<'_>, rule: &'static Rule) -> Report {
        let name = &self.place;
        Report::new(
            rule,
            self.set,
            format!("`{name}` is not put back when what follows fails or is cancelled"),
        )
        .related(
            checker,
            self.suspension,
            "an error or a cancellation arrives here",
        )
        .related(checker, self.put_back, "this is skipped")
        .help("put it back in `finally`")
    }
}

/// How a place is changed, and the change that takes it back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    To(bool),
    Up,
    Down,
}

impl Change {
    fn of(value: &Expr, operator: Option<Operator>) -> Option<Self> {
        match (value, operator) {
            (Expr::BooleanLiteral(found), None) => Some(Self::To(found.value)),
            (Expr::NumberLiteral(_), Some(Operator::Add)) => Some(Self::Up),
            (Expr::NumberLiteral(_), Some(Operator::Sub)) => Some(Self::Down),
            _ => None,
        }
    }

    fn opposite(self) -> Self {
        match self {
            Self::To(value) => Self::To(!value),
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

struct Changed {
    index: usize,
    place: String,
    change: Change,
    range: TextRange,
}

pub(in crate::rules) fn found(checker: &Checker<'_>, flow: &Flow<'_>) -> Vec<LeftSet> {
    let context = &checker.context;
    let Some(function) = checker.function() else {
        return Vec::new();
    };
    if context.is_test_module() {
        return Vec::new();
    }
    let changes = changes(context, flow, function);
    let mut all = Vec::new();
    for set in &changes {
        let frame = flow.steps[set.index].frame;
        // Put back on the way that leads on from there, and nowhere in between.
        let Some(back) = changes.iter().find(|other| {
            other.index > set.index
                && other.place == set.place
                && flow.follows(set.index, other.index)
        }) else {
            continue;
        };
        let back_frame = flow.steps[back.index].frame;
        if back.change != set.change.opposite()
            || block(flow, frame) != block(flow, back_frame)
            || cleans_up(context, flow, back_frame)
        {
            continue;
        }
        // Somebody thought of it.
        let elsewhere = changes.iter().any(|other| {
            other.place == set.place
                && other.change == back.change
                && cleans_up(context, flow, flow.steps[other.index].frame)
        });
        if elsewhere {
            continue;
        }
        let suspension = context
            .suspensions(flow, set.index, back.index)
            .find(|(index, _)| {
                let frame = flow.steps[*index].frame;
                !flow.frames(frame).any(|(_, frame)| match frame.kind {
                    FrameKind::Try(found) => {
                        !found.finalbody.is_empty()
                            || found.handlers.iter().any(|handler| {
                                let ast::ExceptHandler::ExceptHandler(handler) = handler;
                                catches(context, handler.type_.as_deref(), checker.scope())
                            })
                    }
                    FrameKind::With { item, .. } => crate::flow::is_suppress(&item.context_expr),
                    _ => false,
                })
            });
        let Some((_, suspension)) = suspension else {
            continue;
        };
        all.push(LeftSet {
            place: set.place.clone(),
            set: set.range,
            suspension: suspension.range(),
            put_back: back.range,
            keeps_out: keeps_out(context, flow, checker, set),
        });
    }
    all
}

/// The block that a step stands in, `with` or not.
fn block(flow: &Flow<'_>, frame: FrameId) -> Option<FrameId> {
    flow.frames(frame)
        .find(|(_, frame)| !matches!(frame.kind, FrameKind::With { .. }))
        .map(|(id, _)| id)
}

/// Whether what lies in a frame runs after a failure.
fn cleans_up(context: &Context<'_>, flow: &Flow<'_>, frame: FrameId) -> bool {
    flow.frames(frame).any(|(_, frame)| match frame.kind {
        FrameKind::Finally(_) => true,
        FrameKind::Handler(_, handler) => {
            let scope = flow.steps.first().map(|step| step.scope);
            scope.is_some_and(|scope| catches(context, handler.type_.as_deref(), scope))
        }
        _ => false,
    })
}

/// The changes of shared places in a function, in the order of the text.
fn changes(
    context: &Context<'_>,
    flow: &Flow<'_>,
    function: &ast::StmtFunctionDef,
) -> Vec<Changed> {
    let mut operators: Vec<(TextRange, Operator)> = Vec::new();
    uses::stmts(&function.body, &mut |stmt| {
        if let Stmt::AugAssign(found) = stmt {
            operators.push((found.target.range(), found.op));
        }
    });
    flow.steps
        .iter()
        .enumerate()
        .filter_map(|(index, step)| match step.what {
            What::Write {
                target: target @ Expr::Attribute(_),
                value: Some(value),
                ..
            } => {
                let operator = operators
                    .iter()
                    .find(|(range, _)| *range == target.range())
                    .map(|(_, operator)| *operator);
                Some(Changed {
                    index,
                    place: shared(context, target, step.scope)?,
                    change: Change::of(value, operator)?,
                    range: target.range(),
                })
            }
            _ => None,
        })
        .collect()
}

/// Whether a method of the class goes away or waits where it finds the place as it is left, or compares the counter.
fn keeps_out(context: &Context<'_>, flow: &Flow<'_>, checker: &Checker<'_>, set: &Changed) -> bool {
    let mut found = false;
    let scope = flow.steps[set.index].scope;
    if is_put_back_elsewhere(context, checker, set, scope) {
        return false;
    }
    let own = checker.function().map(|function| &*function.body);
    let of_class = methods(context, scope)
        .into_iter()
        .map(|(method, _)| &*method.body);
    for body in of_class.chain(own) {
        uses::stmts(body, &mut |stmt| {
            let (test, leaves) = match stmt {
                Stmt::If(branch) => (&*branch.test, !ends(&branch.body).falls),
                // One that a flag ends is not kept waiting by it.
                Stmt::While(repeated) => (&*repeated.test, uses_no_flag_of_its_own(repeated, set)),
                _ => return,
            };
            found |= leaves && asks(test, &set.place, set.change);
        });
    }
    found
}

/// Whether another method puts it back as well: a `reset()` that the caller may see to.
fn is_put_back_elsewhere(
    context: &Context<'_>,
    checker: &Checker<'_>,
    set: &Changed,
    scope: ScopeId,
) -> bool {
    let this = checker.function().map(Ranged::range);
    methods(context, scope).into_iter().any(|(method, own)| {
        method.name.as_str() != "__init__"
            && Some(method.range()) != this
            && changes(context, &context.flow(own), method)
                .iter()
                .any(|other| {
                    other.place == set.place
                        && other.change == set.change.opposite()
                        && matches!(other.change, Change::To(_))
                        && !changes(context, &context.flow(own), method)
                            .iter()
                            .any(|back| back.place == set.place && back.change == set.change)
                })
    })
}

/// `while self.busy: await asyncio.sleep(1)`: not the loop that the flag itself keeps going.
fn uses_no_flag_of_its_own(repeated: &ast::StmtWhile, set: &Changed) -> bool {
    !repeated.range().contains_range(set.range) && repeated.body.len() == 1
}

/// Whether a test is true for a place that was changed so.
fn asks(test: &Expr, asked: &str, change: Change) -> bool {
    let is_it = |expr: &Expr| place(expr).as_deref() == Some(asked);
    match (test, change) {
        (Expr::BoolOp(found), _) if found.op == ast::BoolOp::Or => {
            found.values.iter().any(|value| asks(value, asked, change))
        }
        (Expr::UnaryOp(found), Change::To(value)) if found.op == UnaryOp::Not => {
            asks(&found.operand, asked, Change::To(!value))
        }
        (Expr::Compare(found), Change::Up | Change::Down) => {
            is_it(&found.left) || found.comparators.iter().any(is_it)
        }
        (test, Change::To(true)) => is_it(test),
        _ => false,
    }
}
