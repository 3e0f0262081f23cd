use ruff_python_ast as ast;

use crate::checker::{Checker, Report};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds `async def` functions with a parameter `timeout`. Off by default: a matter of design.
    ///
    /// ## Why is this bad?
    /// With a parameter, each function on the way has to hand it on, and the times add up: two calls with `timeout=5` may
    /// take ten seconds. A scope that the caller opens bounds everything in it, however deep.
    ///
    /// ## Example
    /// ```python
    /// async def fetch(url, timeout):
    ///     return await asyncio.wait_for(get(url), timeout)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async with asyncio.timeout(5):
    ///     await fetch(url)
    /// ```
    ///
    /// ## False alarms known
    /// Methods that override one with the parameter, and interfaces that must keep it.
    "RIA502", "timeout-parameter", default: false, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async
        || function
            .decorator_list
            .iter()
            .any(|decorator| is_override(&decorator.expression))
    {
        return;
    }
    let found = function
        .parameters
        .iter_non_variadic_params()
        .find(|parameter| parameter.parameter.name.as_str() == "timeout");
    if let Some(parameter) = found {
        let message = format!("Async function `{}` takes a `timeout`", function.name);
        checker.report(
            Report::new(&RULE, &parameter.parameter, message)
                .help("let the caller open a timeout scope around the call"),
        );
    }
}

fn is_override(decorator: &ast::Expr) -> bool {
    match decorator {
        ast::Expr::Name(name) => matches!(name.id.as_str(), "override" | "overload"),
        ast::Expr::Attribute(attribute) => {
            matches!(attribute.attr.as_str(), "override" | "overload")
        }
        _ => false,
    }
}
