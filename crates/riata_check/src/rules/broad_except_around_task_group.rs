use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::handlers;
use crate::rules::except_around_task_group::is_group;
use crate::rules::rule;
use crate::uses::is_cleanup_name;

rule! {
    /// ## What it does
    /// Finds `except Exception` around a task group, with a handler that does nothing.
    ///
    /// ## Why is this bad?
    /// When tasks of a group fail, what arrives is an `ExceptionGroup` with the errors of all of them, and it is an
    /// `Exception`. A handler that passes over it hides not only the failure that was thought of, but every mistake in
    /// every task.
    ///
    /// ## Example
    /// ```python
    /// try:
    ///     async with asyncio.TaskGroup() as group:
    ///         group.create_task(fetch())
    /// except Exception:
    ///     pass
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// try:
    ///     async with asyncio.TaskGroup() as group:
    ///         group.create_task(fetch())
    /// except* ConnectionError as group:
    ///     logger.warning("could not fetch", exc_info=group)
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix: which errors may be passed over is not for a tool to say.
    ///
    /// ## False alarms known
    /// That it is meant can be said in a comment in the handler; functions that close or stop something are left out.
    "RIA607", "broad-except-around-task-group", default: true, fix: None,
    hooks: [Stmt(check)],
}

fn check(checker: &Checker<'_>, statement: &Stmt) {
    let Stmt::Try(found) = statement else { return };
    if found.is_star || !checker.in_async() {
        return;
    }
    if checker.function().is_none_or(|function| is_cleanup_name(&function.name)) {
        return;
    }
    let Some(handler) = silent_handler(checker, found) else { return };
    let Some(group) = group_in(checker, &found.body) else { return };
    checker.report(
        Report::new(&RULE, group, "All errors of the tasks of this group are passed over")
            .related(checker, handler, "by this handler")
            .help("catch what is expected with `except*`, or log the group"),
    );
}

/// The handler that catches a group of errors, if it does nothing and no comment says why.
fn silent_handler(checker: &Checker<'_>, found: &ast::StmtTry) -> Option<TextRange> {
    let context = &checker.context;
    for ExceptHandler::ExceptHandler(handler) in &found.handlers {
        let caught = handler.type_.as_deref()?;
        let classes = handlers::classes(context, caught, checker.scope());
        // Who handles groups knows; and a cancellation is another rule's business.
        if classes.iter().any(|class| class.is_group() || class.is_everything()) {
            return None;
        }
        if classes.iter().any(handlers::Class::is_broad) {
            let text = &context.text().text;
            let rest = text.get(usize::from(handler.start())..)?;
            let length = usize::from(handler.range().len());
            let line = rest.get(length..)?.find('\n').map_or(rest.len(), |end| length + end);
            let is_explained = rest.get(..line)?.contains('#');
            let is_silent = handler.body.iter().all(does_nothing);
            return (is_silent && !is_explained)
                .then(|| TextRange::new(handler.start(), caught.end()));
        }
    }
    None
}

fn does_nothing(statement: &Stmt) -> bool {
    match statement {
        Stmt::Pass(_) | Stmt::Continue(_) => true,
        Stmt::Expr(found) => matches!(*found.value, Expr::EllipsisLiteral(_)),
        Stmt::Return(found) => {
            found.value.as_deref().is_none_or(|value| matches!(value, Expr::NoneLiteral(_)))
        }
        _ => false,
    }
}

/// A task group that is a statement of the block, or in a block that hands its errors on.
fn group_in(checker: &Checker<'_>, body: &[Stmt]) -> Option<TextRange> {
    body.iter().find_map(|statement| match statement {
        Stmt::With(with) if with.is_async => {
            let mut entered = with.items.iter().map(|item| &item.context_expr);
            let group = entered.find(|expr| is_group(&checker.context, expr, checker.scope()));
            group.map(Ranged::range)
        }
        Stmt::If(found) => group_in(checker, &found.body),
        Stmt::For(found) => group_in(checker, &found.body),
        Stmt::While(found) => group_in(checker, &found.body),
        _ => None,
    })
}
