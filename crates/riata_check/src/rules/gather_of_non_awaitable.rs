use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::annotations::last_name;
use crate::checker::{Checker, Report};
use crate::context::Awaitable;
use crate::diagnostic::{Edit, Fix};
use crate::elements::{elements, is_container};
use crate::names::ScopeId;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds `asyncio.gather` of what cannot be awaited: a list instead of its elements, or results that were awaited already.
    ///
    /// ## Why is this bad?
    /// `gather` raises `TypeError`. Where its arguments are awaited before, they also run one after the other and not at the
    /// same time.
    ///
    /// ## Example
    /// ```python
    /// await asyncio.gather([fetch(url) for url in urls])
    /// await asyncio.gather(*[await fetch(url) for url in urls])
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// await asyncio.gather(*[fetch(url) for url in urls])
    /// ```
    ///
    /// ## Fix safety
    /// The fix adds the star, or takes away the `await` inside. It is unsafe: what failed before runs now.
    ///
    /// ## False alarms known
    /// None.
    "RIA206", "gather-of-non-awaitable", default: true, fix: Unsafe,
    hooks: [Call(check)],
}

fn check(checker: &Checker<'_>, call: &ast::ExprCall) {
    if last_name(&call.func) != Some("gather")
        || checker.dotted(&call.func).as_deref() != Some("asyncio.gather")
    {
        return;
    }
    for argument in &call.arguments.args {
        match argument {
            Expr::Starred(starred) => starred_elements(checker, &starred.value),
            Expr::Await(awaited) if is_result(checker, argument, checker.scope()) => {
                awaited_before(checker, argument, awaited);
            }
            Expr::Await(_) => {}
            _ if is_container(checker, argument) => {
                let message = "`gather` gets a container, not the awaitables in it";
                let edits = match argument {
                    // The call's own parentheses are the generator's.
                    Expr::Generator(generator) if !generator.parenthesized => vec![
                        Edit::insert(argument.start(), "*("),
                        Edit::insert(argument.end(), ")"),
                    ],
                    _ => vec![Edit::insert(argument.start(), "*")],
                };
                checker.report(
                    Report::new(&RULE, argument, message)
                        .fix(Fix::risky("Pass its elements with a star", edits)),
                );
            }
            _ if is_certain_value(checker, argument) => {
                let source = checker.context.source(argument);
                let message = format!("`gather` gets `{source}`, which cannot be awaited");
                checker.report(Report::new(&RULE, argument, message));
            }
            _ => {}
        }
    }
}

/// `gather(*[await f(x) for x in xs])`, and a list that such results were appended to.
fn starred_elements(checker: &Checker<'_>, container: &Expr) {
    let mut found = None;
    let mut awaitables = false;
    elements(checker, container, checker.scope(), &mut |element, scope, _| match element {
        Expr::Await(awaited) if is_result(checker, element, scope) => {
            found.get_or_insert((element, awaited));
        }
        _ => awaitables = true,
    });
    if let Some((element, awaited)) = found
        && !awaitables
    {
        awaited_before(checker, element, awaited);
    }
}

fn awaited_before(checker: &Checker<'_>, element: &Expr, awaited: &ast::ExprAwait) {
    let message = "`gather` gets results that were awaited before, one after the other, and cannot await them again";
    let text = &checker.context.text().text;
    let edit = Edit::remove_keyword(text, awaited.start(), "await");
    checker.report(
        Report::new(&RULE, element, message)
            .fix(Fix::risky("Leave the awaiting to `gather`", vec![edit])),
    );
}

/// Whether what was awaited is no awaitable itself, as far as is known.
fn is_result(checker: &Checker<'_>, element: &Expr, scope: ScopeId) -> bool {
    match checker.context.awaitable(element, scope) {
        Awaitable::No => true,
        Awaitable::Unknown => {
            // Of a function that is declared to give an awaitable, more would be known; an untyped one rarely gives one.
            let Expr::Await(awaited) = element else { return false };
            let Expr::Call(call) = &*awaited.value else { return false };
            let name = last_name(&call.func).unwrap_or_default();
            !["task", "spawn", "start", "submit", "schedule", "future", "create"]
                .iter()
                .any(|word| name.contains(word))
        }
        _ => false,
    }
}

/// A call of a function that certainly gives nothing to await, or a literal.
fn is_certain_value(checker: &Checker<'_>, argument: &Expr) -> bool {
    match argument {
        Expr::Call(_) => {
            checker.awaitable(argument) == Awaitable::No
                && !super::await_on_non_awaitable::may_be_overridden(checker, argument)
        }
        _ => argument.is_literal_expr() && !argument.is_none_literal_expr(),
    }
}
