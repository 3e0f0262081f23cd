mod left_in_finally;

use ruff_python_ast::{self as ast, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::annotations::last_name;
use crate::cancellation::{After, Awaits, Swallow, swallows};
use crate::checker::{Checker, Report};
use crate::diagnostic::{Edit, Fix};
use crate::flow::ends;
use crate::locks::method_call;
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds handlers that catch a cancellation (`except asyncio.CancelledError`, a bare `except`, `except BaseException`,
    /// `suppress`) and let the function go on, return, or raise something else. Also a `return`, `break` or `continue` in a `finally`
    /// around an `await`.
    ///
    /// ## Why is this bad?
    /// Who cancelled the task believes that it ends. It goes on instead: a timeout does not fire, a shutdown hangs, and a
    /// loop that only continues cannot be ended at all. An error that is raised in its place is reported, retried or
    /// answered as if something had failed.
    ///
    /// ## Example
    /// ```python
    /// while True:
    ///     try:
    ///         await self.poll()
    ///     except (ConnectionError, asyncio.CancelledError):
    ///         await asyncio.sleep(1)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// while True:
    ///     try:
    ///         await self.poll()
    ///     except asyncio.CancelledError:
    ///         raise
    ///     except ConnectionError:
    ///         await asyncio.sleep(1)
    /// ```
    ///
    /// The last handler of a function that is only run as a task may end it quietly: nothing comes after it. That is not reported.
    ///
    /// ## Fix safety
    /// A `raise` is added to a handler that only goes on. It is unsafe: the function ends there now when it is cancelled.
    ///
    /// ## False alarms known
    /// A function that is run as a task by code that cannot be seen.
    "RIA601", "cancellation-swallowed", default: true, fix: Unsafe,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, _: &ast::StmtFunctionDef) {
    let Some(function) = checker.function() else {
        return;
    };
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    // A command is cancelled by Ctrl+C, and may end as it likes.
    if context.is_command_line() {
        return;
    }
    left_in_finally::check(checker, function);
    for found in swallows(context, checker.scope()) {
        let Some(what) = does_harm(checker, function, &found) else {
            continue;
        };
        let mut report = Report::new(
            &RULE,
            found.at,
            format!("A cancellation is swallowed: {what}"),
        )
        .related(checker, found.suspension, "it arrives here");
        if let After::Awaits(range) = found.after {
            report = report.related(checker, range, "the task goes on to wait here");
        }
        report = match raise_fix(checker, &found) {
            Some(fix) => report.fix(fix),
            None => report.help("catch it apart from other errors, and `raise` it again"),
        };
        checker.report(report);
    }
}

/// What is wrong with it, if anything certainly is.
pub(super) fn does_harm(
    checker: &Checker<'_>,
    function: &ast::StmtFunctionDef,
    found: &Swallow<'_>,
) -> Option<&'static str> {
    if found.awaits == Awaits::Tasks || found.cleaning {
        return None;
    }
    // `except BaseException: pass` and then `raise` of the error that this was the clean-up for.
    if !found.explicit && raises_next(checker, function, found.at) {
        return None;
    }
    // Closing as far as it goes: `except BaseException` around nothing but `await stream.aclose()`.
    if !found.explicit
        && checker
            .context
            .source(found.suspension)
            .ends_with("close()")
    {
        return None;
    }
    let is_task = || checker.context.worker.is_spawned(function.name.as_str());
    harm(found, is_task)
}

/// Whether the statement after the `try` that a handler belongs to raises.
fn raises_next(checker: &Checker<'_>, function: &ast::StmtFunctionDef, handler: TextRange) -> bool {
    let mut all: Vec<&Stmt> = Vec::new();
    uses::stmts(&function.body, &mut |stmt| all.push(stmt));
    let attempt = all
        .iter()
        .filter(|stmt| stmt.is_try_stmt() && stmt.range().contains_range(handler))
        .max_by_key(|stmt| stmt.start());
    let Some(attempt) = attempt else { return false };
    let next = all
        .iter()
        .filter(|stmt| stmt.start() >= attempt.end())
        .min_by_key(|stmt| stmt.start());
    let column = |stmt: &Stmt| checker.context.text().position(stmt.start()).column;
    next.is_some_and(|next| next.is_raise_stmt() && column(next) == column(attempt))
}

/// The same by what the function does after it.
fn harm(found: &Swallow<'_>, is_task: impl Fn() -> bool) -> Option<&'static str> {
    if found.replaced {
        // `raise AssertionError` says that the line is never reached: what was awaited before raises the cancellation.
        let unreached = found.handler.is_some_and(|handler| {
            matches!(handler.body.last(), Some(Stmt::Raise(raised))
            if raised.exc.as_deref().is_some_and(|error| {
                last_name(ast::helpers::map_callable(error)) == Some("AssertionError")
            }))
        });
        return (found.explicit && !unreached).then_some("another error is raised in its place");
    }
    if found.used {
        return (found.explicit && found.kept_and_returns)
            .then_some("it is stored as an error, and the function may return all the same");
    }
    if !found.explicit && found.handler.is_some_and(hands_on) {
        return None;
    }
    match found.after {
        After::Loops => Some("the loop goes on"),
        After::Awaits(_) => Some("the function goes on and waits again"),
        _ if is_task() => None,
        After::Breaks => Some("the loop is left as if it were done"),
        After::Ends if found.returns_value => Some("the function returns as if it had succeeded"),
        After::Ends if found.explicit && found.mixed => Some("it is treated like another error"),
        After::Ends if !found.explicit && found.handler.is_some() => {
            Some("the function ends as if it had succeeded")
        }
        After::Ends => None,
    }
}

/// A handler of everything that tells somebody of the error without naming it.
fn hands_on(handler: &ast::ExceptHandlerExceptHandler) -> bool {
    handler.body.iter().any(|statement| match statement {
        Stmt::Expr(found) => match &*found.value {
            ast::Expr::Call(call) => {
                method_call(call, &["set_exception", "fail", "abort", "print_exc"]).is_some()
            }
            _ => false,
        },
        _ => false,
    })
}

/// `raise` at the end of a handler that falls out of it.
fn raise_fix(checker: &Checker<'_>, found: &Swallow<'_>) -> Option<Fix> {
    let handler = found.handler?;
    if found.mixed
        || !found.explicit
        || found.replaced
        || handler
            .body
            .iter()
            .any(|one| matches!(one, Stmt::Return(_)))
    {
        return None;
    }
    let last = handler.body.last()?;
    let context = &checker.context;
    let text = context.text();
    // A handler on one line: `except …: pass`.
    if text.position(last.start()).line == text.position(handler.start()).line {
        return None;
    }
    let title = "Raise it again";
    if matches!(last, Stmt::Pass(_) | Stmt::Break(_) | Stmt::Continue(_)) {
        return Some(Fix::risky(
            title,
            vec![Edit::replace(last.range(), "raise")],
        ));
    }
    if !ends(&handler.body).falls || !matches!(last, Stmt::Expr(_) | Stmt::Assign(_)) {
        return None;
    }
    let line = text.line(last.start());
    let indent: String = line
        .chars()
        .take_while(|character| character.is_whitespace())
        .collect();
    // A comment behind the statement stays with it.
    let at = line_end(checker, last.end());
    Some(Fix::risky(
        title,
        vec![Edit::insert(at, format!("\n{indent}raise"))],
    ))
}

/// The end of the line that an offset is on.
fn line_end(checker: &Checker<'_>, at: ruff_text_size::TextSize) -> ruff_text_size::TextSize {
    let text = &checker.context.text().text;
    let from = usize::from(at);
    let length = text
        .get(from..)
        .map_or(0, |rest| rest.find(['\n', '\r']).unwrap_or(rest.len()));
    at + ruff_text_size::TextSize::try_from(length).unwrap_or_default()
}
