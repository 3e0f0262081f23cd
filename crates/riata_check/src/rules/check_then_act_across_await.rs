use ruff_python_ast::{self as ast, CmpOp, Expr, Stmt, UnaryOp};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, FrameKind, Repeats, Suspension, What, ends, place};
use crate::locks::{held, locked, may_exclude, method_call};
use crate::names::ScopeId;
use crate::rules::rule;
use crate::shared::shared;

rule! {
    /// ## What it does
    /// Finds a shared attribute or global that is made when it is found missing, with an `await` between the check and the
    /// assignment, and no lock.
    ///
    /// ## Why is this bad?
    /// At the `await` another task runs, finds it missing as well, and makes a second one. One of the two is lost: a connection pool
    /// that nobody closes, a token that the server has already replaced, a session that half of the callers use.
    ///
    /// ## Example
    /// ```python
    /// async def pool(self):
    ///     if self._pool is None:
    ///         self._pool = await create_pool()
    ///     return self._pool
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def pool(self):
    ///     async with self._lock:
    ///         if self._pool is None:
    ///             self._pool = await create_pool()
    ///     return self._pool
    /// ```
    ///
    /// or keep the task that makes it, before the first `await`.
    ///
    /// ## False alarms known
    /// An object that a single task uses, ever.
    "RIA703", "check-then-act-across-await", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    // A protocol's own steps (`__aenter__`, `__anext__`) are taken by one task.
    if !function.is_async || function.name.starts_with("__") {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    if !flow
        .steps
        .iter()
        .any(|step| matches!(step.what, What::Suspend(_)))
    {
        return;
    }
    let mut tests = Vec::new();
    collect_tests(&function.body, &mut tests);
    for test in tests {
        for missing in found_missing(context, test, checker.scope()) {
            lazily_made(checker, &flow, &missing);
        }
        refreshed_when_expired(checker, &flow, test);
        renewed_in_time(checker, &flow, test);
    }
    filled_to_a_limit(checker, &flow);
    changed_when_woken(checker, &flow);
}

/// `if self.token.is_expired(): await self.refresh()`, where nothing in `refresh` keeps the second caller out.
fn refreshed_when_expired(checker: &Checker<'_>, flow: &Flow<'_>, test: Test<'_>) {
    let context = &checker.context;
    let (place, asked) = match test.test {
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(found) => (&*found.value, found.attr.as_str()),
            _ => return,
        },
        Expr::Attribute(found) => (&*found.value, found.attr.as_str()),
        _ => return,
    };
    if !asked.contains("expired") || shared(context, place, checker.scope()).is_none() {
        return;
    }
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
            checker.report(
                Report::new(
                    &RULE,
                    test.test.range(),
                    "What has expired is renewed after an `await`, so several tasks may each renew it",
                )
                .related(checker, awaited.range(), "other tasks run here and find it expired as well")
                .help("hold an `asyncio.Lock` from the check to the renewal, and check again inside"),
            );
            return;
        }
    }
}

/// `if time() > self.expires_at - 60: self.token = await …`: the time of a shared thing's end is asked, and the thing replaced after an
/// await, here or in the method that is awaited. The same where the branch for what is still fresh leaves.
fn renewed_in_time(checker: &Checker<'_>, flow: &Flow<'_>, test: Test<'_>) {
    let context = &checker.context;
    let mut places = Vec::new();
    ending_places(test.test, &mut places);
    places.retain(|place| shared(context, place, checker.scope()).is_some());
    if places.is_empty() || !asks_the_time(test.test) {
        return;
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
    let Some(checked) = flow.steps.iter().rposition(|step| match step.what {
        What::Read(expr) => test.test.range().contains_range(expr.range()),
        _ => false,
    }) else {
        return;
    };
    let inside = |range: TextRange| {
        test.body.contains_range(range)
            || test
                .otherwise
                .is_some_and(|area| area.contains_range(range))
    };
    for (index, step) in flow.steps.iter().enumerate().skip(checked) {
        let What::Suspend(Suspension::Await(awaited)) = &step.what else {
            continue;
        };
        if !inside(awaited.range())
            || !flow.follows(checked, index)
            || locked(context, flow, checked, index)
        {
            continue;
        }
        // One task alone looks again and again.
        if flow.loops(step.frame).next().is_some() {
            return;
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
                        inside(target.range())
                            && !value.is_none_literal_expr()
                            && flow.follows(index, later)
                            && place(target).is_some_and(|text| read.contains(&text))
                    }
                    _ => false,
                });
        let written_there = || {
            let Expr::Call(call) = &*awaited.value else {
                return false;
            };
            let callees = context.callees(call, step.scope);
            let [callee] = &*callees else { return false };
            let Some(def) = callee
                .def
                .filter(|def| context.program().is_first_party(def.file))
            else {
                return false;
            };
            let replaces = context.in_function(def, |context, function, own| {
                let inner = context.flow(own);
                let asks_again = inner.steps.iter().any(|step| match step.what {
                    What::Read(expr) => place(expr).is_some_and(|text| is_an_end(&text)),
                    _ => false,
                });
                function.is_async
                    && !asks_again
                    && !inner
                        .steps
                        .iter()
                        .any(|step| held(context, &inner, step.frame, step.scope))
                    && inner
                        .steps
                        .iter()
                        .any(|step| matches!(step.what, What::Suspend(_)))
                    && inner.steps.iter().any(|step| match step.what {
                        What::Write { target, .. } => {
                            place(target).is_some_and(|text| read.contains(&text))
                        }
                        _ => false,
                    })
            });
            replaces == Some(true)
        };
        if written_after || written_there() {
            checker.report(
                Report::new(
                    &RULE,
                    test.test.range(),
                    "What has expired is renewed after an `await`, so several tasks may each renew it",
                )
                .related(checker, awaited.range(), "other tasks run here and find it expired as well")
                .help("hold an `asyncio.Lock` from the check to the renewal, and check again inside"),
            );
        }
        return;
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

/// `while queue.qsize() < limit: …; await …; queue.put(…)`.
fn filled_to_a_limit(checker: &Checker<'_>, flow: &Flow<'_>) {
    let context = &checker.context;
    for (checked, step) in flow.steps.iter().enumerate() {
        let What::Call(sized) = step.what else {
            continue;
        };
        let container = match &*sized.func {
            Expr::Attribute(found) if found.attr.as_str() == "qsize" => &*found.value,
            Expr::Name(found) if found.id == "len" => match &*sized.arguments.args {
                [container] => container,
                _ => continue,
            },
            _ => continue,
        };
        let Some(text) = shared(context, container, step.scope) else {
            continue;
        };
        // In the test of a loop that fills it.
        let Some((around, test)) = flow
            .loops(step.frame)
            .find_map(|(id, repeats)| match repeats {
                Repeats::While(found) if found.test.range().contains_range(sized.range()) => {
                    Some((id, &*found.test))
                }
                _ => None,
            })
        else {
            continue;
        };
        if !is_below(test, sized) {
            continue;
        }
        let filled = flow
            .steps
            .iter()
            .enumerate()
            .skip(checked)
            .find(|(index, step)| match step.what {
                What::Call(call) => {
                    flow.within(step.frame, around)
                        && flow.follows(checked, *index)
                        && method_call(call, &["put", "put_nowait", "append", "add", "appendleft"])
                            .and_then(place)
                            .as_deref()
                            == Some(text.as_str())
                }
                _ => false,
            });
        let Some((filled, put)) = filled else {
            continue;
        };
        let Some(suspension) =
            flow.between(checked, filled)
                .find_map(|middle| match &flow.steps[middle].what {
                    What::Suspend(suspension)
                        if context.suspends(suspension, flow.steps[middle].scope) =>
                    {
                        Some(suspension.range())
                    }
                    _ => None,
                })
        else {
            continue;
        };
        if locked(context, flow, checked, filled) {
            continue;
        }
        let What::Call(put) = put.what else { continue };
        checker.report(
            Report::new(
                &RULE,
                test.range(),
                format!("`{text}` is filled after an `await`, so several tasks may fill it beyond the limit"),
            )
            .related(checker, suspension, "other tasks run here")
            .related(checker, put.range(), "it is filled here")
            .help("hold an `asyncio.Lock` from the check to the filling"),
        );
        return;
    }
}

/// `size < limit`, somewhere in a test.
fn is_below(test: &Expr, sized: &ast::ExprCall) -> bool {
    match test {
        Expr::BoolOp(found) => found.values.iter().any(|value| is_below(value, sized)),
        Expr::Compare(found) => {
            found.left.range() == sized.range()
                && matches!(found.ops.first(), Some(CmpOp::Lt | CmpOp::LtE))
        }
        _ => false,
    }
}

/// A state is tested, then a future awaited until somebody gives way, and only the woken task changes the state.
fn changed_when_woken(checker: &Checker<'_>, flow: &Flow<'_>) {
    let context = &checker.context;
    for (woken, step) in flow.steps.iter().enumerate() {
        let What::Suspend(Suspension::Await(awaited)) = &step.what else {
            continue;
        };
        let Expr::Name(future) = &*awaited.value else {
            continue;
        };
        let made_here = flow.steps[..woken].iter().any(|step| match step.what {
            What::Write {
                target: Expr::Name(name),
                value: Some(Expr::Call(call)),
                ..
            } => name.id == future.id && method_call(call, &["create_future"]).is_some(),
            _ => false,
        });
        // A loop asks again.
        if !made_here || flow.loops(step.frame).next().is_some() {
            continue;
        }
        let Some(next) = flow.steps.get(woken + 1..).and_then(|rest| {
            rest.iter()
                .enumerate()
                .take(3)
                .find_map(|(offset, step)| match step.what {
                    What::Write {
                        target,
                        augmented: true,
                        ..
                    } => Some((woken + 1 + offset, target)),
                    _ => None,
                })
        }) else {
            continue;
        };
        let Some(text) = shared(context, next.1, step.scope) else {
            continue;
        };
        let tested = flow.steps[..woken].iter().any(|step| match step.what {
            What::Write {
                target,
                augmented: true,
                ..
            } => place(target).as_deref() == Some(text.as_str()),
            _ => false,
        });
        if tested && !locked(context, flow, woken, next.0) {
            checker.report(
                Report::new(
                    &RULE,
                    next.1.range(),
                    format!("`{text}` is changed only when the woken task runs: another task may change it before"),
                )
                .related(checker, awaited.range(), "between the waking and the running, other tasks run")
                .help("change it where the future's result is set"),
            );
        }
    }
}

/// A place that a test finds missing, and the branch that it is missing in.
struct Missing {
    place: String,
    /// The key that is missing in it.
    key: Option<String>,
    range: TextRange,
    /// Where it is missing: the branch, or what follows it.
    area: TextRange,
}

#[derive(Clone, Copy)]
struct Test<'a> {
    test: &'a Expr,
    body: TextRange,
    /// What runs when the test is false: to the end of the block that the statement stands in.
    otherwise: Option<TextRange>,
}

fn collect_tests<'a>(body: &'a [Stmt], tests: &mut Vec<Test<'a>>) {
    let end = body.last().map(Ranged::end);
    for statement in body {
        match statement {
            Stmt::If(found) => {
                let block = |body: &[Stmt]| match (body.first(), body.last()) {
                    (Some(first), Some(last)) => TextRange::new(first.start(), last.end()),
                    _ => TextRange::empty(found.start()),
                };
                let leaves = !ends(&found.body).falls;
                tests.push(Test {
                    test: &found.test,
                    body: block(&found.body),
                    otherwise: (leaves && found.elif_else_clauses.is_empty())
                        .then_some(end)
                        .flatten()
                        .map(|end| TextRange::new(found.end(), end)),
                });
                collect_tests(&found.body, tests);
                for clause in &found.elif_else_clauses {
                    if let Some(test) = &clause.test {
                        tests.push(Test {
                            test,
                            body: block(&clause.body),
                            otherwise: None,
                        });
                    }
                    collect_tests(&clause.body, tests);
                }
            }
            Stmt::For(found) => collect_tests(&found.body, tests),
            Stmt::While(found) => collect_tests(&found.body, tests),
            Stmt::With(found) => collect_tests(&found.body, tests),
            Stmt::Try(found) => {
                collect_tests(&found.body, tests);
                collect_tests(&found.orelse, tests);
                collect_tests(&found.finalbody, tests);
            }
            _ => {}
        }
    }
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
        if let Some(place) = shared(context, expr, scope) {
            let key = key.map(|key| context.source(key).to_owned());
            all.push(Missing {
                place,
                key,
                range: test.range(),
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
fn lazily_made(checker: &Checker<'_>, flow: &Flow<'_>, missing: &Missing) {
    let context = &checker.context;
    let Some(checked) = flow.steps.iter().rposition(|step| match step.what {
        What::Read(expr) => {
            missing.range.contains_range(expr.range())
                && place(expr).as_deref() == Some(missing.place.as_str())
        }
        _ => false,
    }) else {
        return;
    };
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
        let awaits: Vec<usize> = flow
            .between(checked, index)
            .filter(|middle| match &flow.steps[*middle].what {
                What::Suspend(suspension) => {
                    !matches!(suspension, Suspension::Yield(_))
                        && context.suspends(suspension, flow.steps[*middle].scope)
                }
                _ => false,
            })
            .collect();
        let Some(last) = awaits.last() else { continue };
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
        {
            continue;
        }
        let name = &missing.place;
        let What::Suspend(suspension) = &flow.steps[awaits[0]].what else {
            continue;
        };
        checker.report(
            Report::new(
                &RULE,
                missing.range,
                format!("`{name}` is made after an `await`, so two tasks may both find it missing"),
            )
            .related(checker, suspension.range(), "other tasks run here")
            .related(checker, target.range(), "it is set here")
            .help("hold an `asyncio.Lock` from the check to the assignment"),
        );
        return;
    }
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
