//! What a function's own body does, step by step in the order of evaluation: where it may be suspended, what it reads and
//! writes, and what each step lies in (branches, loops, `with`, the parts of a `try`).
//!
//! No graph: steps are in the order of the text, and `Flow::follows` says whether one may run after another in one pass
//! over the body. Functions, lambdas and classes defined inside are not part of it.

mod ends;

use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange, TextSize};

pub(crate) use ends::{Ends, ends, is_true};

use crate::names::{Names, ScopeId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameId(usize);

impl FrameId {
    /// The frame that nothing lies in.
    pub(crate) const NOWHERE: Self = Self(usize::MAX);
}

/// What a step lies in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) parent: Option<FrameId>,
    pub(crate) kind: FrameKind<'a>,
    /// How it comes to its end.
    pub(crate) ends: Ends,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum FrameKind<'a> {
    Body,
    /// One of several ways, of which one is taken: `if`, `match`, `a if b else c`, `a and b`.
    Arm {
        of: TextSize,
        index: usize,
    },
    /// What a loop repeats.
    Loop(Repeats<'a>),
    With {
        item: &'a ast::WithItem,
        is_async: bool,
    },
    Try(&'a ast::StmtTry),
    Handler(&'a ast::StmtTry, &'a ast::ExceptHandlerExceptHandler),
    Else(&'a ast::StmtTry),
    Finally(&'a ast::StmtTry),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Repeats<'a> {
    For(&'a ast::StmtFor),
    While(&'a ast::StmtWhile),
    Comprehension(&'a ast::Comprehension),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) what: What<'a>,
    pub(crate) frame: FrameId,
    pub(crate) scope: ScopeId,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What<'a> {
    Suspend(Suspension<'a>),
    /// A name, attribute or item is read. Of `a.b.c`, each of the three is.
    Read(&'a Expr),
    Write {
        target: &'a Expr,
        value: Option<&'a Expr>,
        augmented: bool,
    },
    Delete(&'a Expr),
    /// Called, after its arguments were evaluated; awaiting is a step of its own.
    Call(&'a ast::ExprCall),
    Return(&'a ast::StmtReturn),
    Raise(&'a ast::StmtRaise),
    /// A handler begins.
    Catch(&'a ast::ExceptHandlerExceptHandler),
    /// A context was left.
    Left(&'a ast::WithItem),
}

/// Where other tasks may run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Suspension<'a> {
    Await(&'a ast::ExprAwait),
    Enter(&'a ast::WithItem),
    Leave(&'a ast::WithItem),
    Next(&'a Expr),
    Yield(&'a Expr),
}

impl Suspension<'_> {
    pub(crate) fn range(&self) -> TextRange {
        match self {
            Self::Await(found) => found.range(),
            Self::Enter(item) | Self::Leave(item) => item.context_expr.range(),
            Self::Next(iterable) => iterable.range(),
            Self::Yield(found) => found.range(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Flow<'a> {
    pub(crate) steps: Vec<Step<'a>>,
    frames: Vec<Frame<'a>>,
}

impl<'a> Flow<'a> {
    /// `scope` is the one that the body's names are looked up in.
    pub(crate) fn new(names: &'a Names<'a>, body: &'a [Stmt], scope: ScopeId) -> Self {
        let mut walker = Walker {
            names,
            flow: Self {
                steps: Vec::new(),
                frames: Vec::new(),
            },
            frame: FrameId(0),
            scope,
        };
        walker.flow.frames.push(Frame {
            parent: None,
            kind: FrameKind::Body,
            ends: ends(body),
        });
        walker.body(body);
        walker.flow
    }

    pub(crate) fn frame(&self, id: FrameId) -> &Frame<'a> {
        &self.frames[id.0]
    }

    /// A frame and the ones around it, innermost first.
    pub(crate) fn frames(&self, id: FrameId) -> impl Iterator<Item = (FrameId, &Frame<'a>)> {
        let mut next = Some(id);
        std::iter::from_fn(move || {
            let id = next?;
            let frame = self.frame(id);
            next = frame.parent;
            Some((id, frame))
        })
    }

    /// Whether `inner` is `outer` or lies in it.
    pub(crate) fn within(&self, inner: FrameId, outer: FrameId) -> bool {
        self.frames(inner).any(|(id, _)| id == outer)
    }

    /// The innermost frame that both lie in.
    pub(crate) fn common(&self, one: FrameId, other: FrameId) -> FrameId {
        self.frames(one)
            .map(|(id, _)| id)
            .find(|id| self.within(other, *id))
            .unwrap_or(FrameId(0))
    }

    /// Whether the step `later` may run after the step `first` in one pass over the body (not by way of a loop).
    pub(crate) fn follows(&self, first: usize, later: usize) -> bool {
        if first >= later {
            return false;
        }
        let (from, to) = (self.steps[first].frame, self.steps[later].frame);
        let common = self.common(from, to);
        let below = |id: FrameId| {
            self.frames(id)
                .take_while(move |(id, _)| *id != common)
                .collect::<Vec<_>>()
        };
        let (left, right) = (below(from), below(to));
        // A `return` in the body of a `try` still runs its `finally`, an exception its handlers.
        let into = right.last().map(|(_, frame)| frame.kind);
        let caught = |id: FrameId| {
            matches!(
                (self.frame(id).kind, into),
                (
                    FrameKind::Try(_),
                    Some(FrameKind::Handler(..) | FrameKind::Finally(_))
                ) | (
                    FrameKind::Handler(..) | FrameKind::Else(_),
                    Some(FrameKind::Finally(_))
                )
            )
        };
        let outermost = left.last().map(|(id, _)| *id);
        if !outermost.is_some_and(caught) {
            // A `break` leaves the blocks up to its loop, and no more.
            let mut to_loop = false;
            for (_, frame) in &left {
                if matches!(frame.kind, FrameKind::Loop(_)) {
                    to_loop = false;
                } else if !frame.ends.falls && !to_loop {
                    if !frame.ends.breaks && !frame.ends.continues {
                        return false;
                    }
                    to_loop = true;
                }
            }
            if to_loop {
                return false;
            }
        }
        match (left.last().map(|(_, frame)| frame.kind), into) {
            (
                Some(FrameKind::Arm { of, index }),
                Some(FrameKind::Arm {
                    of: other,
                    index: other_index,
                }),
            ) => of != other || index == other_index,
            (
                Some(FrameKind::Handler(one, _)),
                Some(FrameKind::Handler(other, _) | FrameKind::Else(other)),
            ) => one.range() != other.range(),
            _ => true,
        }
    }

    /// Steps between two others that may lie on a way from one to the other.
    pub(crate) fn between(&self, first: usize, later: usize) -> impl Iterator<Item = usize> + '_ {
        (first + 1..later)
            .filter(move |middle| self.follows(first, *middle) && self.follows(*middle, later))
    }

    pub(crate) fn loops(&self, id: FrameId) -> impl Iterator<Item = (FrameId, Repeats<'a>)> {
        self.frames(id).filter_map(|(id, frame)| match frame.kind {
            FrameKind::Loop(repeats) => Some((id, repeats)),
            _ => None,
        })
    }
}

struct Walker<'a> {
    names: &'a Names<'a>,
    flow: Flow<'a>,
    frame: FrameId,
    scope: ScopeId,
}

impl<'a> Walker<'a> {
    fn step(&mut self, what: What<'a>) {
        self.flow.steps.push(Step {
            what,
            frame: self.frame,
            scope: self.scope,
        });
    }

    fn within(&mut self, kind: FrameKind<'a>, ends: Ends, inside: impl FnOnce(&mut Self)) {
        let outer = self.frame;
        self.flow.frames.push(Frame {
            parent: Some(outer),
            kind,
            ends,
        });
        self.frame = FrameId(self.flow.frames.len() - 1);
        inside(self);
        self.frame = outer;
    }

    fn block(&mut self, kind: FrameKind<'a>, body: &'a [Stmt]) {
        self.within(kind, ends(body), |walker| walker.body(body));
    }

    fn arm(&mut self, of: TextSize, index: usize, inside: impl FnOnce(&mut Self)) {
        self.within(FrameKind::Arm { of, index }, Ends::FALLS, inside);
    }

    fn body(&mut self, body: &'a [Stmt]) {
        for statement in body {
            self.stmt(statement);
        }
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => {
                for decorator in &function.decorator_list {
                    self.expr(&decorator.expression);
                }
                for parameter in &*function.parameters {
                    if let Some(default) = parameter.default() {
                        self.expr(default);
                    }
                }
            }
            Stmt::ClassDef(_) => {}
            Stmt::Return(found) => {
                self.some(found.value.as_deref());
                self.step(What::Return(found));
            }
            Stmt::Delete(found) => {
                for target in &found.targets {
                    self.target_parts(target);
                    self.step(What::Delete(target));
                }
            }
            Stmt::Assign(found) => {
                self.expr(&found.value);
                for target in &found.targets {
                    self.write(target, Some(&found.value), false);
                }
            }
            Stmt::AugAssign(found) => {
                self.target_parts(&found.target);
                self.step(What::Read(&found.target));
                self.expr(&found.value);
                self.step(What::Write {
                    target: &found.target,
                    value: Some(&found.value),
                    augmented: true,
                });
            }
            Stmt::AnnAssign(found) => {
                if let Some(value) = &found.value {
                    self.expr(value);
                    self.write(&found.target, Some(value), false);
                }
            }
            Stmt::For(found) => {
                self.expr(&found.iter);
                self.within(
                    FrameKind::Loop(Repeats::For(found)),
                    Ends::FALLS,
                    |walker| {
                        if found.is_async {
                            walker.step(What::Suspend(Suspension::Next(&found.iter)));
                        }
                        walker.write(&found.target, None, false);
                        walker.body(&found.body);
                    },
                );
                self.body(&found.orelse);
            }
            Stmt::While(found) => {
                self.within(
                    FrameKind::Loop(Repeats::While(found)),
                    Ends::FALLS,
                    |walker| {
                        walker.expr(&found.test);
                        walker.body(&found.body);
                    },
                );
                self.body(&found.orelse);
            }
            Stmt::If(found) => self.if_stmt(found),
            Stmt::With(found) => self.with(&found.items, found),
            Stmt::Match(found) => {
                self.expr(&found.subject);
                for (index, case) in found.cases.iter().enumerate() {
                    let kind = FrameKind::Arm {
                        of: found.start(),
                        index,
                    };
                    self.within(kind, ends(&case.body), |walker| {
                        walker.some(case.guard.as_deref());
                        walker.body(&case.body);
                    });
                }
            }
            Stmt::Raise(found) => {
                self.some(found.exc.as_deref());
                self.some(found.cause.as_deref());
                self.step(What::Raise(found));
            }
            Stmt::Try(found) => {
                self.block(FrameKind::Try(found), &found.body);
                for handler in &found.handlers {
                    let ExceptHandler::ExceptHandler(handler) = handler;
                    let kind = FrameKind::Handler(found, handler);
                    self.within(kind, ends(&handler.body), |walker| {
                        walker.some(handler.type_.as_deref());
                        walker.step(What::Catch(handler));
                        walker.body(&handler.body);
                    });
                }
                self.block(FrameKind::Else(found), &found.orelse);
                self.block(FrameKind::Finally(found), &found.finalbody);
            }
            Stmt::Assert(found) => {
                self.expr(&found.test);
                self.some(found.msg.as_deref());
            }
            Stmt::Expr(found) => self.expr(&found.value),
            _ => {}
        }
    }

    fn if_stmt(&mut self, found: &'a ast::StmtIf) {
        self.expr(&found.test);
        let arm = |index| FrameKind::Arm {
            of: found.start(),
            index,
        };
        self.block(arm(0), &found.body);
        for (index, clause) in found.elif_else_clauses.iter().enumerate() {
            // The tests of later branches run when the earlier ones are not taken.
            self.within(arm(index + 1), ends(&clause.body), |walker| {
                walker.some(clause.test.as_ref());
                walker.body(&clause.body);
            });
        }
    }

    fn with(&mut self, items: &'a [ast::WithItem], whole: &'a ast::StmtWith) {
        let Some((item, rest)) = items.split_first() else {
            return self.body(&whole.body);
        };
        self.expr(&item.context_expr);
        if whole.is_async {
            self.step(What::Suspend(Suspension::Enter(item)));
        }
        let mut inside = ends(&whole.body);
        inside.falls |= is_suppress(&item.context_expr);
        let kind = FrameKind::With {
            item,
            is_async: whole.is_async,
        };
        self.within(kind, inside, |walker| {
            if let Some(target) = &item.optional_vars {
                walker.write(target, None, false);
            }
            walker.with(rest, whole);
        });
        if whole.is_async {
            self.step(What::Suspend(Suspension::Leave(item)));
        }
        self.step(What::Left(item));
    }

    /// What is evaluated of a target before it is assigned to.
    fn target_parts(&mut self, target: &'a Expr) {
        match target {
            Expr::Attribute(found) => self.expr(&found.value),
            Expr::Subscript(found) => {
                self.expr(&found.value);
                self.expr(&found.slice);
            }
            _ => {}
        }
    }

    fn write(&mut self, target: &'a Expr, value: Option<&'a Expr>, augmented: bool) {
        match target {
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                let values = match value {
                    Some(Expr::Tuple(values)) if values.elts.len() == elts.len() => {
                        Some(&values.elts)
                    }
                    _ => None,
                };
                // `reader, writer = await open()`: each of them comes of it.
                let awaited = value.filter(|value| value.is_await_expr());
                for (index, element) in elts.iter().enumerate() {
                    self.write(
                        element,
                        values.and_then(|values| values.get(index)).or(awaited),
                        augmented,
                    );
                }
            }
            Expr::Starred(found) => self.write(&found.value, None, augmented),
            _ => {
                self.target_parts(target);
                self.step(What::Write {
                    target,
                    value,
                    augmented,
                });
            }
        }
    }

    fn some(&mut self, expr: Option<&'a Expr>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    fn expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(_) => self.step(What::Read(expr)),
            Expr::Attribute(found) => {
                self.expr(&found.value);
                self.step(What::Read(expr));
            }
            Expr::Subscript(found) => {
                self.expr(&found.value);
                self.expr(&found.slice);
                self.step(What::Read(expr));
            }
            Expr::Await(found) => {
                self.expr(&found.value);
                self.step(What::Suspend(Suspension::Await(found)));
            }
            Expr::Yield(found) => {
                self.some(found.value.as_deref());
                self.step(What::Suspend(Suspension::Yield(expr)));
            }
            Expr::YieldFrom(found) => {
                self.expr(&found.value);
                self.step(What::Suspend(Suspension::Yield(expr)));
            }
            Expr::Call(found) => {
                self.expr(&found.func);
                for argument in &found.arguments.args {
                    self.expr(argument);
                }
                for keyword in &found.arguments.keywords {
                    self.expr(&keyword.value);
                }
                self.step(What::Call(found));
            }
            Expr::Named(found) => {
                self.expr(&found.value);
                self.write(&found.target, Some(&found.value), false);
            }
            Expr::BoolOp(found) => {
                for (index, value) in found.values.iter().enumerate() {
                    if index == 0 {
                        self.expr(value);
                    } else {
                        // Not exclusive: each has a place of its own.
                        self.arm(value.start(), 0, |walker| walker.expr(value));
                    }
                }
            }
            Expr::If(found) => {
                self.expr(&found.test);
                self.arm(found.start(), 0, |walker| walker.expr(&found.body));
                self.arm(found.start(), 1, |walker| walker.expr(&found.orelse));
            }
            Expr::Lambda(_) => {}
            Expr::ListComp(found) => self.comprehension(expr, &[&found.elt], &found.generators),
            Expr::SetComp(found) => self.comprehension(expr, &[&found.elt], &found.generators),
            Expr::Generator(found) => self.comprehension(expr, &[&found.elt], &found.generators),
            Expr::DictComp(found) => {
                let parts: Vec<&'a Expr> = found
                    .key
                    .iter()
                    .map(|key| &**key)
                    .chain([&*found.value])
                    .collect();
                self.comprehension(expr, &parts, &found.generators);
            }
            _ => {
                let mut children = Children(Vec::new());
                ast::visitor::walk_expr(&mut children, expr);
                for child in children.0 {
                    self.expr(child);
                }
            }
        }
    }

    fn comprehension(
        &mut self,
        whole: &'a Expr,
        parts: &[&'a Expr],
        generators: &'a [ast::Comprehension],
    ) {
        let Some(first) = generators.first() else {
            return;
        };
        self.expr(&first.iter);
        let outer = self.scope;
        self.scope = self.names.of_comprehension(whole).unwrap_or(outer);
        self.repeated(parts, generators, true);
        self.scope = outer;
    }

    fn repeated(&mut self, parts: &[&'a Expr], generators: &'a [ast::Comprehension], first: bool) {
        let Some((generator, rest)) = generators.split_first() else {
            for part in parts {
                self.expr(part);
            }
            return;
        };
        if !first {
            self.expr(&generator.iter);
        }
        self.within(
            FrameKind::Loop(Repeats::Comprehension(generator)),
            Ends::FALLS,
            |walker| {
                if generator.is_async {
                    walker.step(What::Suspend(Suspension::Next(&generator.iter)));
                }
                walker.write(&generator.target, None, false);
                for condition in &generator.ifs {
                    walker.expr(condition);
                }
                walker.repeated(parts, rest, false);
            },
        );
    }
}

struct Children<'a>(Vec<&'a Expr>);

impl<'a> ast::visitor::Visitor<'a> for Children<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        self.0.push(expr);
    }
}

/// `suppress(…)`, however it was imported: it swallows what its body raises.
pub(crate) fn is_suppress(expr: &Expr) -> bool {
    let Expr::Call(call) = expr else { return false };
    match &*call.func {
        Expr::Name(found) => found.id == "suppress",
        Expr::Attribute(found) => found.attr.as_str() == "suppress",
        _ => false,
    }
}

/// `name`, `self.name`, `a.b.c`: a place that can be read and written, as text.
pub(crate) fn place(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Name(found) => Some(found.id.to_string()),
        Expr::Attribute(found) => Some(format!("{}.{}", place(&found.value)?, found.attr)),
        _ => None,
    }
}
