use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::diagnostic::{Edit, Fix};
use crate::knowledge::ContextKind;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds `with` on a context manager that is async only, `async with` on one that is not async, and async context managers that
    /// are made and dropped without being entered.
    ///
    /// ## Why is this bad?
    /// The wrong one raises an `AttributeError` or `TypeError` as soon as it runs. One that is only made does nothing: no
    /// timeout is set, no lock is taken.
    ///
    /// ## Example
    /// ```python
    /// async def fetch(url):
    ///     with aiohttp.ClientSession() as session:
    ///         ...
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def fetch(url):
    ///     async with aiohttp.ClientSession() as session:
    ///         ...
    /// ```
    ///
    /// ## Fix safety
    /// `async` is added or taken away when the statement has one context manager. Safe, for what is there cannot run.
    ///
    /// ## False alarms known
    /// None: a class is judged only when all its bases can be read.
    "RIA802", "missing-async-with", default: true, fix: Safe,
    hooks: [Stmt(check)],
}

fn check(checker: &Checker<'_>, stmt: &Stmt) {
    match stmt {
        Stmt::With(with) => {
            for item in &with.items {
                check_item(checker, with, &item.context_expr);
            }
        }
        Stmt::Expr(found) => {
            let Expr::Call(call) = &*found.value else {
                return;
            };
            if kind(checker, &found.value) == Some(Kind::Async) && !is_awaitable_too(checker, call)
            {
                let name = checker.context.source(&*call.func);
                let message =
                    format!("`{name}(…)` gives an async context manager that is never entered");
                checker
                    .report(Report::new(&RULE, call, message).help("enter it with `async with`"));
            }
        }
        _ => {}
    }
}

fn check_item(checker: &Checker<'_>, with: &ast::StmtWith, value: &Expr) {
    let (message, title) = match (kind(checker, value), with.is_async) {
        (Some(Kind::Async), false) => (
            "is an async context manager, which `with` cannot enter",
            "Use `async with`",
        ),
        (Some(Kind::Sync), true) => (
            "is not an async context manager: `async with` cannot enter it",
            "Use `with`",
        ),
        _ => return,
    };
    let name = checker.context.source(ast::helpers::map_callable(value));
    let mut report = Report::new(&RULE, value, format!("`{name}` {message}"));
    if with.items.len() == 1 {
        if with.is_async {
            let edit = Edit::remove_keyword(&checker.context.text().text, with.start(), "async");
            report = report.fix(Fix::safe(title, vec![edit]));
        } else if checker.in_async() {
            report = report.fix(Fix::safe(title, vec![Edit::insert(with.start(), "async ")]));
        }
    }
    checker.report(report);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `async with` alone can enter it.
    Async,
    /// `with` alone can.
    Sync,
}

fn kind(checker: &Checker<'_>, value: &Expr) -> Option<Kind> {
    let context = &checker.context;
    if let Expr::Call(call) = value {
        let callees = context.callees(call, checker.scope());
        // Of an overloaded function there are several.
        let [callee, others @ ..] = &*callees else {
            return None;
        };
        if others.iter().any(|other| other.name != callee.name) {
            return None;
        }
        let known = context
            .knowledge()
            .facts(&callee.name)
            .and_then(|facts| facts.context);
        if known == Some(ContextKind::AsyncContextManager) && !is_both(&callee.name) {
            return Some(Kind::Async);
        }
        if known == Some(ContextKind::ContextManager) {
            return Some(Kind::Sync);
        }
        if known.is_some() {
            return None;
        }
        if !callee.is_class
            && let Some(function) = callee.def.and_then(|def| context.worker.function(def))
        {
            return match function.decorators.as_slice() {
                [one] if one == "contextlib.asynccontextmanager" => Some(Kind::Async),
                [one] if one == "contextlib.contextmanager" => Some(Kind::Sync),
                [] => by_class(checker, value),
                _ => None,
            };
        }
    }
    by_class(checker, value)
}

/// Old releases could be entered both ways.
fn is_both(name: &str) -> bool {
    name.starts_with("async_timeout.")
}

fn by_class(checker: &Checker<'_>, value: &Expr) -> Option<Kind> {
    let context = &checker.context;
    let class = context.class_def(value, checker.scope())?;
    let asynchronous = context.has_method(class, "__aenter__")?;
    let synchronous = context.has_method(class, "__enter__")?;
    match (asynchronous, synchronous) {
        (true, false) => Some(Kind::Async),
        (false, true) => Some(Kind::Sync),
        _ => None,
    }
}

/// What is started by `await` or by being called, and can be entered besides: a session, a client, a lock.
fn is_awaitable_too(checker: &Checker<'_>, call: &ast::ExprCall) -> bool {
    let context = &checker.context;
    let callees = context.callees(call, checker.scope());
    let [callee] = &*callees else { return true };
    if callee.is_class {
        return !matches!(
            callee.name.as_str(),
            "asyncio.TaskGroup" | "asyncio.Timeout" | "contextlib.aclosing"
        );
    }
    let generator = callee
        .def
        .and_then(|def| context.worker.function(def))
        .is_some_and(|function| function.is_async_context_manager());
    !generator
        && !matches!(
            callee.name.as_str(),
            "asyncio.timeout" | "asyncio.timeout_at"
        )
}
