use ruff_python_ast::{AnyNodeRef, Expr, StmtFunctionDef};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::context::{Awaitable, Value};
use crate::diagnostic::{Edit, Fix};
use crate::functions::is_stub;
use crate::lost::{called, is_async_generator, is_expected_to_fail};
use crate::names::Binding;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds `await` of what cannot be awaited: the result of a synchronous function, an async generator, a function that is
    /// not called, a list.
    ///
    /// ## Why is this bad?
    /// It raises `TypeError` when it is reached.
    ///
    /// ## Example
    /// ```python
    /// async def stop(server):
    ///     await server.wait_closed  # not called
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def stop(server):
    ///     await server.wait_closed()
    /// ```
    ///
    /// ## Fix safety
    /// The fix calls the function, or takes `await` away. It is unsafe: what failed before runs now.
    ///
    /// ## False alarms known
    /// A method that is declared to give a plain value and that a subclass in another package makes async.
    "RIA209", "await-on-non-awaitable", default: true, fix: Unsafe,
    hooks: [Expr(check)],
}

fn check(checker: &Checker<'_>, expr: &Expr) {
    let Expr::Await(awaited) = expr else { return };
    let value = &*awaited.value;
    let without = || {
        let text = &checker.context.text().text;
        let edit = Edit::remove_keyword(text, expr.start(), "await");
        Fix::risky("Remove `await`", vec![edit])
    };
    if let Some(report) = awaited_generator(checker, expr, value) {
        if !is_expected_to_fail(checker) {
            checker.report(match report.help {
                Some(_) => report,
                None => report.fix(without()),
            });
        }
        return;
    }
    let (message, fix) = match value {
        Expr::Call(_) => {
            if checker.awaitable(value) != Awaitable::No || may_be_overridden(checker, value) {
                return;
            }
            (
                format!(
                    "`{}` gives nothing that can be awaited",
                    called(checker, value)
                ),
                without(),
            )
        }
        Expr::Name(_) | Expr::Attribute(_) => {
            let Value::Function(function) = checker.value(value) else {
                return;
            };
            let is_async = function
                .def
                .and_then(|def| checker.context.worker.function(def))
                .is_some_and(|function| function.gives_coroutine());
            if !is_async {
                return;
            }
            let edit = Edit::insert(value.end(), "()");
            (
                format!(
                    "Function `{}` is awaited and not called",
                    called(checker, value)
                ),
                Fix::risky("Call it", vec![edit]),
            )
        }
        Expr::List(_) | Expr::ListComp(_) | Expr::Tuple(_) | Expr::Generator(_) => (
            "A container cannot be awaited, only what is in it".to_owned(),
            without(),
        ),
        _ => return,
    };
    if is_expected_to_fail(checker) {
        return;
    }
    let mut report = Report::new(&RULE, expr, message);
    if matches!(
        value,
        Expr::List(_) | Expr::ListComp(_) | Expr::Tuple(_) | Expr::Generator(_)
    ) {
        report = report.help("await them together with `asyncio.gather(*…)`");
    } else {
        report = report.fix(fix);
    }
    checker.report(report);
}

/// `await rows()` where `rows` yields.
fn awaited_generator(checker: &Checker<'_>, expr: &Expr, value: &Expr) -> Option<Report> {
    let call = match value {
        Expr::Call(call) => call,
        Expr::Name(name) => match checker
            .context
            .names()
            .lookup(name.id.as_str(), checker.scope())?
        {
            (_, [Binding::Value(Expr::Call(call))]) => call,
            _ => return None,
        },
        _ => return None,
    };
    if !is_async_generator(checker, call) {
        return None;
    }
    let name = checker.context.source(&*call.func);
    let message = format!("`{name}` gives an async generator, which cannot be awaited");
    let report = Report::new(&RULE, expr, message);
    let is_iterated = matches!(checker.parent(), Some(AnyNodeRef::StmtFor(each)) if each.is_async);
    Some(if is_iterated {
        report
    } else {
        report.help("iterate over it with `async for`")
    })
}

/// Whether the function that is called may be another one: a stub, a method that is declared for subclasses, or one of many.
pub(super) fn may_be_overridden(checker: &Checker<'_>, expr: &Expr) -> bool {
    let Expr::Call(call) = expr else { return true };
    let callees = checker.callees(call);
    let [callee] = &*callees else { return true };
    if callee.is_class {
        return true;
    }
    let Some(def) = callee.def else { return true };
    let Some(module) = checker.context.worker.module_of(def) else {
        return true;
    };
    let Some((function, _, scope)) = module.names().function_at(def.start) else {
        return true;
    };
    let Some(described) = checker.context.worker.function(def) else {
        return true;
    };
    let first_party = checker.context.program().is_first_party(def.file);
    // A decorator that is not known may make it async; so may a subclass that is not seen.
    let is_method = matches!(
        module.names().scope(scope).node,
        crate::names::ScopeNode::Class(_)
    );
    (is_method && first_party && is_stub(function))
        || function.is_async
        || !described.decorators_are_plain()
        || described
            .decorators
            .iter()
            .any(|name| name == "abc.abstractmethod" || name == "typing.overload")
        || (is_method && has_async_override(checker, function))
}

/// Whether a method of the same name is async in any class of the project.
fn has_async_override(checker: &Checker<'_>, function: &StmtFunctionDef) -> bool {
    checker
        .context
        .names()
        .functions
        .iter()
        .any(|(other, _)| other.is_async && other.name.as_str() == function.name.as_str())
        || checker
            .context
            .worker
            .has_async_method(function.name.as_str())
}
