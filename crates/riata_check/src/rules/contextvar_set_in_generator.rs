use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::context::Value;
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds context variables that a generator sets before it yields.
    ///
    /// ## Why is this bad?
    /// A generator has no context of its own: it runs in that of whoever asks for the next item. What it sets is seen by its consumer
    /// as well. If it is continued or closed by another task, the value is not there, and `reset` raises `ValueError: Token
    /// was created in a different Context`.
    ///
    /// ## Example
    /// ```python
    /// async def rows(query):
    ///     token = current_query.set(query)
    ///     try:
    ///         async for row in run(query):
    ///             yield row
    ///     finally:
    ///         current_query.reset(token)
    /// ```
    ///
    /// ## Use instead
    /// Set it in a coroutine or a context manager around the loop, or give the value as an argument.
    ///
    /// ## False alarms known
    /// Functions under `contextmanager` or `asynccontextmanager`, generators with other decorators, and ones that yield just once are
    /// not reported.
    "RIA804", "contextvar-set-in-generator", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let context = &checker.context;
    if !context.names().imports.contains("contextvars") && !mentions_set(function) {
        return;
    }
    let def = context.def_at(function.name.start());
    let Some(about) = context.worker.function(def) else {
        return;
    };
    if !about.is_async || !about.is_generator || !about.decorators_are_plain() {
        return;
    }
    let mut sets = Vec::new();
    let mut yields = Vec::new();
    uses::exprs(&function.body, false, &mut |expr| match expr {
        Expr::Yield(found) => yields.push(found.range()),
        Expr::Call(call) => {
            if let Expr::Attribute(attribute) = &*call.func
                && attribute.attr.as_str() == "set"
                && call.arguments.args.len() == 1
                && matches!(context.value(&attribute.value, checker.scope()), Value::Instance(class)
                    if matches!(class.name.as_str(), "contextvars.ContextVar" | "_contextvars.ContextVar"))
            {
                sets.push((call, &*attribute.value));
            }
        }
        _ => {}
    });
    if yields.len() < 2 && !is_in_loop(function, &yields) {
        return;
    }
    for (call, variable) in sets {
        let Some(behind) = yields.iter().find(|found| found.start() > call.end()) else {
            continue;
        };
        let name = context.source(variable);
        let message = format!(
            "Async generator sets `{name}` and yields: its consumer runs in the same context"
        );
        checker.report(Report::new(&RULE, call, message).related(checker, *behind, "yields here"));
    }
}

fn mentions_set(function: &ast::StmtFunctionDef) -> bool {
    let mut found = false;
    uses::exprs(&function.body, false, &mut |expr| {
        found |= matches!(expr, Expr::Call(call) if uses::called_name(call) == "set" && call.func.is_attribute_expr());
    });
    found
}

fn is_in_loop(function: &ast::StmtFunctionDef, places: &[ruff_text_size::TextRange]) -> bool {
    let mut found = false;
    uses::stmts(&function.body, &mut |stmt| {
        if matches!(stmt, ast::Stmt::For(_) | ast::Stmt::While(_)) {
            found |= places
                .iter()
                .any(|place| stmt.range().contains_range(*place));
        }
    });
    found
}
