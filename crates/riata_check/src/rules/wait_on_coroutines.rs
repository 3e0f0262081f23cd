use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::annotations::last_name;
use crate::checker::{Checker, Report};
use crate::context::Awaitable;
use crate::diagnostic::{Edit, Fix};
use crate::elements::elements;
use crate::imports;
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
    let given = call.arguments.args.first().or_else(|| {
        call.arguments
            .find_keyword("fs")
            .map(|keyword| &keyword.value)
    });
    let Some(given) = given else { return };
    let mut found: Vec<&Expr> = Vec::new();
    elements(checker, given, checker.scope(), &mut |element, scope, _| {
        if is_coroutine(checker, element, scope) {
            found.push(element);
        }
    });
    let Some(&element) = found.first() else {
        return;
    };
    let message = format!(
        "`asyncio.wait` gets the coroutine of `{}`, not a task",
        called(checker, element)
    );
    let mut report = Report::new(&RULE, call, message);
    if given.range().contains_range(element.range()) {
        if let Some(fix) = task_fix(checker, given, &found) {
            report = report.fix(fix);
        }
    } else {
        report = report.related(checker, element, "the coroutine is put in here");
    }
    if report.fix.is_none() {
        report = report.help("make tasks of them with `asyncio.create_task`");
    }
    checker.report(report);
}

/// Tasks of the coroutines that are made in the argument itself.
fn task_fix(checker: &Checker<'_>, given: &Expr, coroutines: &[&Expr]) -> Option<Fix> {
    let start = given.start();
    let create = imports::member(
        &checker.context,
        checker.scope(),
        start,
        "asyncio",
        "create_task",
    )?;
    let mut edits = Vec::from_iter(create.edit);
    for coroutine in coroutines {
        if !coroutine.is_call_expr() || !given.range().contains_range(coroutine.range()) {
            return None;
        }
        edits.push(Edit::insert(coroutine.start(), format!("{}(", create.name)));
        edits.push(Edit::insert(coroutine.end(), ")"));
    }
    Some(Fix::risky("Make tasks of the coroutines", edits))
}

fn is_coroutine(checker: &Checker<'_>, element: &Expr, scope: ScopeId) -> bool {
    match checker.context.awaitable(element, scope) {
        Awaitable::Coroutine => return true,
        Awaitable::Unknown => {}
        _ => return false,
    }
    // What a method of an unknown object gives to wait for is a coroutine, unless its name says otherwise.
    let Expr::Call(call) = element else {
        return false;
    };
    let Expr::Attribute(attribute) = &*call.func else {
        return false;
    };
    let name = attribute.attr.as_str();
    let says_otherwise = [
        "task",
        "future",
        "submit",
        "spawn",
        "schedule",
        "executor",
        "start",
        "job",
        "run_in",
        "soon",
        "get",
        "pop",
        "apply",
        "shield",
        "gather",
        "wait_for_next",
        "deferred",
    ]
    .iter()
    .any(|word| name.contains(word));
    // A plain method of that name that the project has may be the one.
    !says_otherwise
        && (checker.context.worker.has_async_method(name)
            || !checker.context.worker.has_plain_method(name))
        && checker.context.callees(call, scope).is_empty()
}
