use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds `__aexit__` methods that raise the exception they were given.
    ///
    /// ## Why is this bad?
    /// `__aexit__` is told of an exception so that it can clean up; returning something false lets it go on. Raising it again adds
    /// the method to its traceback and makes it its own context, and what stands behind the `raise` does not run.
    ///
    /// ## Example
    /// ```python
    /// async def __aexit__(self, exc_type, exc, traceback):
    ///     await self.close()
    ///     if exc is not None:
    ///         raise exc
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def __aexit__(self, exc_type, exc, traceback):
    ///     await self.close()
    /// ```
    ///
    /// ## False alarms known
    /// None.
    "RIA608", "raise-in-aexit", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if function.name.as_str() != "__aexit__" || !function.is_async {
        return;
    }
    let parameters: Vec<&str> = function
        .parameters
        .posonlyargs
        .iter()
        .chain(&function.parameters.args)
        .skip(1)
        .map(|parameter| parameter.parameter.name.as_str())
        .collect();
    let mut found = Vec::new();
    raises(&function.body, &mut found);
    for raise in found {
        let Some(Expr::Name(raised)) = raise.exc.as_deref() else {
            continue;
        };
        if parameters.contains(&raised.id.as_str()) {
            checker.report(
                Report::new(
                    &RULE,
                    raise.range(),
                    "`__aexit__` raises the exception that it was given",
                )
                .help("return, and it goes on by itself"),
            );
        }
    }
}

fn raises<'a>(body: &'a [Stmt], found: &mut Vec<&'a ast::StmtRaise>) {
    for statement in body {
        match statement {
            Stmt::Raise(raise) => found.push(raise),
            Stmt::If(branch) => {
                raises(&branch.body, found);
                for clause in &branch.elif_else_clauses {
                    raises(&clause.body, found);
                }
            }
            Stmt::With(with) => raises(&with.body, found),
            // Inside of a `try` it may be caught again.
            Stmt::Try(inner) if inner.handlers.is_empty() => {
                raises(&inner.body, found);
                raises(&inner.finalbody, found);
            }
            _ => {}
        }
    }
}
