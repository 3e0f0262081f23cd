use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::annotations::last_name;
use crate::checker::{Checker, Report};
use crate::context::Awaitable;
use crate::diagnostic::{Edit, Fix};
use crate::elements::elements;
use crate::lost::called;
use crate::names::ScopeId;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds `asyncio.wait` of coroutines that are not tasks.
    ///
    /// ## Why is this bad?
    /// Since Python 3.11 it raises `TypeError`. Before, `asyncio.wait` made tasks of them, and the sets that it returned held those
    /// tasks and not the coroutines that went in.
    ///
    /// ## Example
    /// ```python
    /// await asyncio.wait([client.close() for client in clients])
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// await asyncio.wait([asyncio.create_task(client.close()) for client in clients])
    /// ```
    ///
    /// ## Fix safety
    /// The fix puts `asyncio.create_task` around a coroutine in the same call. It is unsafe: the task starts to run at another time.
    ///
    /// ## False alarms known
    /// A method of an object that types know nothing of, and that returns a task although it is not named so.
    "RIA205", "wait-on-coroutines", default: true, fix: Unsafe,
    hooks: [Call(check)],
}

fn check(checker: &Checker<'_>, call: &ast::ExprCall) {
    if last_name(&call.func) != Some("wait")
        || checker.dotted(&call.func).as_deref() != Some("asyncio.wait")
    {
        return;
    }
    let given = call
        .arguments
        .args
        .first()
        .or_else(|| call.arguments.find_keyword("fs").map(|keyword| &keyword.value));
    let Some(given) = given else { return };
    let mut found: Option<(&Expr, ScopeId)> = None;
    elements(checker, given, checker.scope(), &mut |element, scope, _| {
        if found.is_none() && is_coroutine(checker, element, scope) {
            found = Some((element, scope));
        }
    });
    let Some((element, _)) = found else { return };
    let message = format!("`asyncio.wait` gets the coroutine of `{}`, not a task", called(checker, element));
    let mut report = Report::new(&RULE, call, message);
    if given.range().contains_range(element.range()) {
        let wait = checker.context.source(&*call.func);
        let module = wait.strip_suffix(".wait");
        if let (Some(module), true) = (module, element.is_call_expr()) {
            report = report.fix(Fix::risky(
                "Make a task of it",
                vec![
                    Edit::insert(element.start(), format!("{module}.create_task(")),
                    Edit::insert(element.end(), ")"),
                ],
            ));
        }
    } else {
        report = report.related(checker, element, "the coroutine is put in here");
    }
    if report.fix.is_none() {
        report = report.help("make tasks of them with `asyncio.create_task`");
    }
    checker.report(report);
}

fn is_coroutine(checker: &Checker<'_>, element: &Expr, scope: ScopeId) -> bool {
    match checker.context.awaitable(element, scope) {
        Awaitable::Coroutine => return true,
        Awaitable::Unknown => {}
        _ => return false,
    }
    // What a method of an unknown object gives to wait for is a coroutine, unless its name says otherwise.
    let Expr::Call(call) = element else { return false };
    let Expr::Attribute(attribute) = &*call.func else { return false };
    let name = attribute.attr.as_str();
    let says_otherwise = [
        "task", "future", "submit", "spawn", "schedule", "executor", "start", "job", "run_in", "soon",
        "get", "pop", "apply", "shield", "gather", "wait_for_next", "deferred",
    ]
    .iter()
    .any(|word| name.contains(word));
    // A plain method of that name that the project has may be the one.
    !says_otherwise
        && (checker.context.program().hierarchy().has_async_method(name)
            || !checker.context.program().hierarchy().has_plain_method(name))
        && checker.context.callees(call, scope).is_empty()
}
