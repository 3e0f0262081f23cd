//! What `except` clauses catch.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::context::Context;
use crate::locks::assigned;
use crate::names::{Binding, ScopeId};

/// One of the classes that a handler names.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    /// `asyncio.CancelledError`; `None` when it cannot be told.
    pub(crate) name: Option<String>,
    /// Where it stands in the handler: its own place, or that of the constant that holds it.
    pub(crate) range: TextRange,
}

impl Class {
    pub(crate) fn is(&self, names: &[&str]) -> bool {
        self.name
            .as_deref()
            .is_some_and(|name| names.contains(&name))
    }

    pub(crate) fn is_cancellation(&self) -> bool {
        self.is(&[
            "asyncio.CancelledError",
            "asyncio.exceptions.CancelledError",
            "anyio.get_cancelled_exc_class",
            "trio.Cancelled",
        ])
    }

    /// `BaseException` and the one that it is the only base of.
    pub(crate) fn is_everything(&self) -> bool {
        self.is(&["builtins.BaseException"])
    }

    pub(crate) fn is_broad(&self) -> bool {
        self.is(&["builtins.BaseException", "builtins.Exception"])
    }

    pub(crate) fn is_group(&self) -> bool {
        self.name
            .as_deref()
            .is_some_and(|name| name.ends_with("ExceptionGroup") || name.ends_with("MultiError"))
    }
}

/// The classes of an `except` clause, or of the arguments of `suppress`: tuples are taken apart and constants looked up.
pub(crate) fn classes(context: &Context<'_>, caught: &Expr, scope: ScopeId) -> Vec<Class> {
    let mut all = Vec::new();
    collect(context, caught, scope, None, 0, &mut all);
    all
}

fn collect(
    context: &Context<'_>,
    expr: &Expr,
    scope: ScopeId,
    seen_as: Option<TextRange>,
    depth: usize,
    all: &mut Vec<Class>,
) {
    let range = seen_as.unwrap_or_else(|| expr.range());
    if depth > 6 {
        return;
    }
    match expr {
        Expr::Tuple(found) => {
            for element in &found.elts {
                collect(context, element, scope, seen_as, depth + 1, all);
            }
        }
        Expr::Starred(found) => collect(context, &found.value, scope, seen_as, depth + 1, all),
        Expr::BinOp(found) if found.op == ast::Operator::Add => {
            collect(context, &found.left, scope, seen_as, depth + 1, all);
            collect(context, &found.right, scope, seen_as, depth + 1, all);
        }
        // `anyio.get_cancelled_exc_class()`.
        Expr::Call(found) => {
            all.push(Class {
                name: context.dotted(&found.func, scope),
                range,
            });
        }
        _ => {
            if let Some(name) = context.dotted(expr, scope)
                && !is_constant(context, expr, scope)
            {
                all.push(Class {
                    name: Some(name),
                    range,
                });
                return;
            }
            let values = assigned(context, expr, scope);
            if values.is_empty() && !imported(context, expr, scope, range, depth, all) {
                all.push(Class { name: None, range });
            }
            for (value, scope) in values {
                collect(context, value, scope, Some(range), depth + 1, all);
            }
        }
    }
}

/// Whether a name is a variable here, not a class or an import.
fn is_constant(context: &Context<'_>, expr: &Expr, scope: ScopeId) -> bool {
    let Expr::Name(name) = expr else { return false };
    context
        .names()
        .lookup(name.id.as_str(), scope)
        .is_some_and(|(_, bindings)| {
            bindings
                .iter()
                .any(|binding| matches!(binding, Binding::Value(_) | Binding::Annotated { .. }))
        })
}

/// A constant of another module of the project.
fn imported(
    context: &Context<'_>,
    expr: &Expr,
    scope: ScopeId,
    range: TextRange,
    depth: usize,
    all: &mut Vec<Class>,
) -> bool {
    let Expr::Name(name) = expr else { return false };
    let Some((_, bindings)) = context.names().lookup(name.id.as_str(), scope) else {
        return false;
    };
    let Some(Binding::ImportFrom { statement, alias }) = bindings.last() else {
        return false;
    };
    let module = crate::context::absolute_module(context.text(), statement);
    let Some(module) = context
        .worker
        .find_module(&module)
        .and_then(|file| context.worker.module_for_interface(file))
    else {
        return false;
    };
    let inner = Context::new(context.worker, &module);
    let mut found = false;
    for binding in module
        .names()
        .bindings(alias.name.as_str(), ScopeId::MODULE)
    {
        if let Binding::Value(value)
        | Binding::Annotated {
            value: Some(value), ..
        } = binding
        {
            collect(&inner, value, ScopeId::MODULE, Some(range), depth + 1, all);
            found = true;
        }
    }
    found
}
