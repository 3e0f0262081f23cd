use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::context::{Awaitable, Value};
use crate::diagnostic::{Edit, Fix};
use crate::knowledge::ContextKind;
use crate::names::{Binding, ScopeId};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds `for` over what can only be iterated with `async for`, and the other way round, in loops and comprehensions.
    ///
    /// ## Why is this bad?
    /// It raises `TypeError: 'async_generator' object is not iterable`, or `'async for' requires an object with __aiter__
    /// method`, as soon as it runs.
    ///
    /// ## Example
    /// ```python
    /// async def rows():
    ///     yield 1
    ///
    ///
    /// async def main():
    ///     for row in rows():
    ///         print(row)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def main():
    ///     async for row in rows():
    ///         print(row)
    /// ```
    ///
    /// ## Fix safety
    /// `async` is added or taken away. Safe, for what is there cannot run.
    ///
    /// ## False alarms known
    /// None: a class is judged only when all its bases can be read.
    "RIA803", "missing-async-for", default: true, fix: Safe,
    hooks: [Stmt(check_loop), Expr(check_comprehension)],
}

fn check_loop(checker: &Checker<'_>, stmt: &Stmt) {
    let Stmt::For(each) = stmt else { return };
    let Some(mut report) = judged(checker, &each.iter, checker.scope(), each.is_async) else {
        return;
    };
    if each.is_async {
        let edit = Edit::remove_keyword(&checker.context.text().text, each.start(), "async");
        report = report.fix(Fix::safe("Use `for`", vec![edit]));
    } else if checker.in_async() {
        report = report.fix(Fix::safe(
            "Use `async for`",
            vec![Edit::insert(each.start(), "async ")],
        ));
    }
    checker.report(report);
}

fn check_comprehension(checker: &Checker<'_>, expr: &Expr) {
    let generators = match expr {
        Expr::ListComp(found) => &found.generators,
        Expr::SetComp(found) => &found.generators,
        Expr::DictComp(found) => &found.generators,
        Expr::Generator(found) => &found.generators,
        _ => return,
    };
    let inner = checker
        .context
        .names()
        .of_comprehension(expr)
        .unwrap_or_else(|| checker.scope());
    for (index, generator) in generators.iter().enumerate() {
        let scope = if index == 0 { checker.scope() } else { inner };
        let Some(mut report) = judged(checker, &generator.iter, scope, generator.is_async) else {
            continue;
        };
        if generator.is_async {
            let edit =
                Edit::remove_keyword(&checker.context.text().text, generator.start(), "async");
            report = report.fix(Fix::safe("Use `for`", vec![edit]));
        } else if checker.in_async() && !matches!(expr, Expr::Generator(_)) {
            let edit = Edit::insert(generator.start(), "async ");
            report = report.fix(Fix::safe("Use `async for`", vec![edit]));
        }
        checker.report(report);
    }
}

fn judged(checker: &Checker<'_>, value: &Expr, scope: ScopeId, is_async: bool) -> Option<Report> {
    let message = match (kind(checker, value, scope)?, is_async) {
        (Kind::Async, false) => "is an async iterator, which `for` cannot iterate",
        (Kind::Sync, true) => "is not an async iterator: `async for` cannot iterate it",
        _ => return None,
    };
    let name = checker.context.source(ast::helpers::map_callable(value));
    Some(Report::new(&RULE, value, format!("`{name}` {message}")))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Async,
    Sync,
}

fn kind(checker: &Checker<'_>, value: &Expr, scope: ScopeId) -> Option<Kind> {
    let context = &checker.context;
    if matches!(
        value,
        Expr::List(_) | Expr::Tuple(_) | Expr::Set(_) | Expr::Dict(_)
    ) {
        return Some(Kind::Sync);
    }
    if let Expr::Call(call) = value {
        let callees = context.callees(call, scope);
        if let [callee] = &*callees {
            let known = context
                .knowledge()
                .facts(&callee.name)
                .and_then(|facts| facts.context);
            if known == Some(ContextKind::AsyncIterator) {
                return Some(Kind::Async);
            }
            if known.is_some_and(|known| known != ContextKind::ContextManager) {
                return None;
            }
            if let Some(builtin) = callee.name.strip_prefix("builtins.")
                && matches!(
                    builtin,
                    "range"
                        | "list"
                        | "tuple"
                        | "dict"
                        | "set"
                        | "enumerate"
                        | "zip"
                        | "map"
                        | "filter"
                        | "reversed"
                        | "sorted"
                )
            {
                return Some(Kind::Sync);
            }
            if !callee.is_class
                && let Some(function) = callee.def.and_then(|def| context.worker.function(def))
                && function.is_generator
            {
                if !function.decorators_are_plain() {
                    return None;
                }
                return Some(if function.is_async {
                    Kind::Async
                } else {
                    Kind::Sync
                });
            }
        } else if callees.len() > 1 {
            return None;
        }
    }
    // `found = rows()`, when nothing else is bound to the name.
    if let Expr::Name(name) = value
        && let Some((found_in, [Binding::Value(bound @ Expr::Call(_))])) =
            context.names().lookup(name.id.as_str(), scope)
        && is_generator_call(checker, bound, found_in)
    {
        return kind(checker, bound, found_in);
    }
    // A coroutine that gives an iterator lacks its `await`, which is another rule's.
    if context.awaitable(value, scope) == Awaitable::Coroutine {
        return None;
    }
    match context.value(value, scope) {
        Value::Instance(class) => match class.name.as_str() {
            "builtins.list" | "builtins.tuple" | "builtins.dict" | "builtins.set"
            | "builtins.range" | "builtins.str" | "builtins.bytes" => return Some(Kind::Sync),
            "types.AsyncGeneratorType" => return Some(Kind::Async),
            _ => {}
        },
        _ => return None,
    }
    let class = context.class_def(value, scope)?;
    let asynchronous = context.has_method(class, "__aiter__")?;
    let synchronous =
        context.has_method(class, "__iter__")? || context.has_method(class, "__getitem__")?;
    match (asynchronous, synchronous) {
        (true, false) => Some(Kind::Async),
        (false, true) => Some(Kind::Sync),
        _ => None,
    }
}

fn is_generator_call(checker: &Checker<'_>, value: &Expr, scope: ScopeId) -> bool {
    let Expr::Call(call) = value else {
        return false;
    };
    let context = &checker.context;
    matches!(&*context.callees(call, scope), [callee] if callee
        .def
        .and_then(|def| context.worker.function(def))
        .is_some_and(|function| function.is_generator))
}
