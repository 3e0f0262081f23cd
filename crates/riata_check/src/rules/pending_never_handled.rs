use ruff_python_ast::{self as ast, AnyNodeRef, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashSet;

use crate::checker::{Checker, Report};
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds `asyncio.wait` with a timeout, or until the first is done, where what is still pending afterwards is never touched, and
    /// `next(asyncio.as_completed(…))` of calls that are made there.
    ///
    /// ## Why is this bad?
    /// Unlike `asyncio.wait_for`, `asyncio.wait` neither raises nor cancels when time is up: it returns, and the tasks go on.
    /// They use what they use, and their errors are seen by nobody.
    ///
    /// ## Example
    /// ```python
    /// tasks = [asyncio.create_task(ask(server)) for server in servers]
    /// done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    /// return done.pop().result()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    /// for task in pending:
    ///     task.cancel()
    /// ```
    ///
    /// ## False alarms known
    /// Tasks that are meant to go on by themselves. Tasks which are kept, cancelled or looked at by another name are not reported.
    "RIA406", "pending-never-handled", default: true, fix: None,
    hooks: [Call(check)],
}

fn check(checker: &Checker<'_>, call: &ast::ExprCall) {
    only_the_first(checker, call);
    if !returns_early(call) || checker.callee_name(call).as_deref() != Some("asyncio.wait") {
        return;
    }
    let Some(function) = checker.function() else {
        return;
    };
    let Some(tasks) = call.arguments.args.first() else {
        return;
    };
    let mut around = checker.ancestors();
    let (Some(AnyNodeRef::ExprAwait(_)), Some(stmt)) = (around.next(), around.next()) else {
        return;
    };
    let ignored = match stmt {
        AnyNodeRef::StmtExpr(_) => true,
        AnyNodeRef::StmtAssign(assign) => match assign.targets.as_slice() {
            [Expr::Tuple(pair)] => match pair.elts.as_slice() {
                [_, Expr::Name(pending)] => {
                    uses::loads(&function.body, pending.id.as_str()).is_empty()
                }
                _ => false,
            },
            _ => false,
        },
        _ => false,
    };
    // `asyncio.run` cancels what a command leaves.
    if !ignored
        || checker.context.is_command_line()
        || uses::is_cleanup_name(function.name.as_str())
        || is_in_finally(&function.body, call.range())
        || !is_own(checker, function, tasks, call.range())
    {
        return;
    }
    let mut report = Report::new(
        &RULE,
        call,
        "What is still pending when `asyncio.wait` returns is never touched",
    )
    .help("cancel what is pending, or keep it");
    if is_expected_to_raise(&function.body, call.range()) {
        report = report.note("`asyncio.wait` does not raise `TimeoutError`");
    }
    checker.report(report);
}

/// `await next(asyncio.as_completed([f(), g()]))`: nobody has the tasks that the others run in.
fn only_the_first(checker: &Checker<'_>, call: &ast::ExprCall) {
    let (Expr::Name(next), [Expr::Call(inner)]) = (&*call.func, &*call.arguments.args) else {
        return;
    };
    if next.id != "next"
        || checker.callee_name(inner).as_deref() != Some("asyncio.as_completed")
        || !inner.arguments.args.first().is_some_and(makes_coroutines)
    {
        return;
    }
    checker.report(
        Report::new(
            &RULE,
            call,
            "What is still pending when the first is done is never touched",
        )
        .help("use `asyncio.wait(…, return_when=FIRST_COMPLETED)`, and cancel what is pending"),
    );
}

/// A list of calls that are made here.
fn makes_coroutines(expr: &Expr) -> bool {
    match expr {
        Expr::List(list) => !list.elts.is_empty() && list.elts.iter().all(Expr::is_call_expr),
        Expr::Tuple(tuple) => !tuple.elts.is_empty() && tuple.elts.iter().all(Expr::is_call_expr),
        Expr::ListComp(list) => list.elt.is_call_expr(),
        Expr::Generator(list) => list.elt.is_call_expr(),
        _ => false,
    }
}

fn returns_early(call: &ast::ExprCall) -> bool {
    let timeout = call.arguments.find_keyword("timeout");
    let until = call.arguments.find_keyword("return_when");
    timeout.is_some_and(|keyword| !keyword.value.is_none_literal_expr())
        || until.is_some_and(|keyword| match &keyword.value {
            Expr::Attribute(attribute) => attribute.attr.starts_with("FIRST_"),
            Expr::Name(name) => name.id.starts_with("FIRST_"),
            Expr::StringLiteral(text) => text.value.to_str().starts_with("FIRST_"),
            _ => false,
        })
}

fn is_in_finally(body: &[Stmt], place: TextRange) -> bool {
    let mut found = false;
    uses::stmts(body, &mut |stmt| {
        let Stmt::Try(attempt) = stmt else { return };
        found |= attempt
            .finalbody
            .iter()
            .any(|stmt| stmt.range().contains_range(place));
    });
    found
}

/// `try: await asyncio.wait(…)` with `except TimeoutError`.
fn is_expected_to_raise(body: &[Stmt], place: TextRange) -> bool {
    let mut found = false;
    uses::stmts(body, &mut |stmt| {
        let Stmt::Try(attempt) = stmt else { return };
        found |= attempt.body.iter().any(|stmt| stmt.range().contains_range(place))
            && attempt.handlers.iter().any(|handler| {
                let ast::ExceptHandler::ExceptHandler(handler) = handler;
                let mut named = false;
                if let Some(class) = &handler.type_ {
                    uses::exprs_in(class, false, &mut |expr| {
                        named |= matches!(expr, Expr::Name(name) if name.id == "TimeoutError")
                            || matches!(expr, Expr::Attribute(name) if name.attr.as_str() == "TimeoutError");
                    });
                }
                named
            });
    });
    found
}

/// Whether the tasks are made here, and nobody but `asyncio.wait` gets to see them.
fn is_own(
    checker: &Checker<'_>,
    function: &ast::StmtFunctionDef,
    tasks: &Expr,
    wait: TextRange,
) -> bool {
    match tasks {
        Expr::List(ast::ExprList { elts, .. })
        | Expr::Set(ast::ExprSet { elts, .. })
        | Expr::Tuple(ast::ExprTuple { elts, .. }) => {
            !elts.is_empty()
                && elts
                    .iter()
                    .all(|item| is_own(checker, function, item, wait))
        }
        Expr::ListComp(ast::ExprListComp { elt, .. })
        | Expr::SetComp(ast::ExprSetComp { elt, .. })
        | Expr::Generator(ast::ExprGenerator { elt, .. }) => matches!(&**elt, Expr::Call(_)),
        Expr::Call(call) => {
            // `asyncio.all_tasks()`, `self.tasks.values()` are others'.
            let name = uses::called_name(call);
            name.contains("create_task")
                || name == "ensure_future"
                || checker
                    .facts(call)
                    .is_some_and(|facts| facts.spawns == Some(false))
        }
        Expr::Name(name) => is_own_local(checker, function, name.id.as_str(), wait),
        _ => false,
    }
}

fn is_own_local(
    checker: &Checker<'_>,
    function: &ast::StmtFunctionDef,
    name: &str,
    wait: TextRange,
) -> bool {
    // Where the name is read as a list that tasks are put into, and nothing more.
    let mut harmless: FxHashSet<TextRange> = FxHashSet::default();
    let mut made = false;
    let mut foreign = false;
    uses::stmts(&function.body, &mut |stmt| {
        let (target, value) = match stmt {
            Stmt::Assign(assign) => match assign.targets.as_slice() {
                [target] => (target, Some(&*assign.value)),
                _ => return,
            },
            Stmt::AnnAssign(assign) => (&*assign.target, assign.value.as_deref()),
            _ => return,
        };
        if target.as_name_expr().is_none_or(|found| found.id != name) {
            if uses::bound_names(target).contains(name) {
                foreign = true;
            }
            return;
        }
        match value {
            Some(Expr::List(list)) if list.elts.is_empty() => {}
            Some(Expr::Call(call))
                if call.arguments.is_empty()
                    && matches!(uses::called_name(call), "set" | "list") => {}
            Some(
                value @ (Expr::List(_)
                | Expr::Set(_)
                | Expr::ListComp(_)
                | Expr::SetComp(_)
                | Expr::Call(_)),
            ) => {
                if is_own(checker, function, value, wait) {
                    made = true;
                } else {
                    foreign = true;
                }
            }
            _ => foreign = true,
        }
    });
    uses::exprs(&function.body, false, &mut |expr| {
        let Expr::Call(call) = expr else { return };
        match call.func.as_attribute_expr() {
            Some(attribute)
                if attribute
                    .value
                    .as_name_expr()
                    .is_some_and(|read| read.id == name)
                    && matches!(attribute.attr.as_str(), "append" | "add") =>
            {
                harmless.insert(attribute.value.range());
                let own = call.arguments.args.first().is_some_and(|item| {
                    matches!(item, Expr::Call(_)) && is_own(checker, function, item, wait)
                });
                if own { made = true } else { foreign = true }
            }
            // Counting them is not touching them.
            None if uses::called_name(call) == "len" => {
                harmless.extend(call.arguments.args.iter().map(Ranged::range));
            }
            _ => {}
        }
    });
    let elsewhere = uses::loads(&function.body, name)
        .into_iter()
        .any(|read| !wait.contains_range(read) && !harmless.contains(&read));
    made && !foreign && !elsewhere
}
