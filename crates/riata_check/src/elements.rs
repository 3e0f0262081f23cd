//! What a list, set or tuple is filled with, where that can be seen: its display, its comprehension, what is appended to it.

use ruff_python_ast::{self as ast, AnyNodeRef, Expr};
use ruff_text_size::Ranged;

use crate::checker::Checker;
use crate::context::Value;
use crate::locals::reads;
use crate::names::{Binding, ScopeId};

/// Where an expression gets its elements from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `[f(x), g(x)]`
    Display,
    /// `[f(x) for x in xs]`
    Comprehension,
    /// `.append(f(x))`
    Appended,
}

/// An element, with the scope that it is evaluated in.
pub(crate) type Seen<'s, 'a> = &'s mut dyn FnMut(&'a Expr, ScopeId, Source);

/// Tell `seen` the elements of a container. False when there may be others that are not seen.
pub(crate) fn elements<'a>(
    checker: &'a Checker<'_>,
    container: &'a Expr,
    scope: ScopeId,
    seen: Seen<'_, 'a>,
) -> bool {
    follow(checker, container, scope, seen, 0)
}

fn follow<'a>(
    checker: &'a Checker<'_>,
    container: &'a Expr,
    scope: ScopeId,
    seen: Seen<'_, 'a>,
    depth: usize,
) -> bool {
    if depth > 4 {
        return false;
    }
    let names = checker.context.names();
    match container {
        Expr::List(ast::ExprList { elts, .. })
        | Expr::Set(ast::ExprSet { elts, .. })
        | Expr::Tuple(ast::ExprTuple { elts, .. }) => {
            let mut all = true;
            for element in elts {
                match element {
                    Expr::Starred(starred) => {
                        all &= follow(checker, &starred.value, scope, seen, depth + 1);
                    }
                    _ => seen(element, scope, Source::Display),
                }
            }
            all
        }
        Expr::ListComp(ast::ExprListComp { elt, .. })
        | Expr::SetComp(ast::ExprSetComp { elt, .. })
        | Expr::Generator(ast::ExprGenerator { elt, .. }) => {
            let Some(inner) = names.of_comprehension(container) else {
                return false;
            };
            seen(elt, inner, Source::Comprehension);
            true
        }
        Expr::Call(call) => match (&*call.func, &*call.arguments.args) {
            (Expr::Name(name), [inner])
                if matches!(name.id.as_str(), "list" | "set" | "tuple" | "frozenset")
                    && call.arguments.keywords.is_empty() =>
            {
                follow(checker, inner, scope, seen, depth + 1)
            }
            (Expr::Name(name), []) => matches!(name.id.as_str(), "list" | "set"),
            _ => false,
        },
        Expr::BinOp(sum) if sum.op == ast::Operator::Add => {
            let left = follow(checker, &sum.left, scope, seen, depth + 1);
            follow(checker, &sum.right, scope, seen, depth + 1) && left
        }
        Expr::Name(name) => {
            let Some((found_in, bindings)) = names.lookup(name.id.as_str(), scope) else {
                return false;
            };
            let Some((_, function)) = names.enclosing_function(found_in) else {
                return false;
            };
            let mut all = true;
            for binding in bindings {
                match binding {
                    Binding::Value(value)
                    | Binding::Annotated {
                        value: Some(value), ..
                    } => {
                        all &= follow(checker, value, found_in, seen, depth + 1);
                    }
                    Binding::Annotated { value: None, .. } => {}
                    _ => all = false,
                }
            }
            for read in reads(&function.body, name.id.as_str()) {
                let Some(AnyNodeRef::ExprAttribute(attribute)) = read.parent() else {
                    continue;
                };
                let Some(AnyNodeRef::ExprCall(call)) = read.grandparent() else {
                    continue;
                };
                if call.func.range() != attribute.range() {
                    continue;
                }
                match (attribute.attr.as_str(), &*call.arguments.args) {
                    ("append" | "add", [element]) => {
                        // Comprehensions are scopes of their own; statements are not.
                        if read.nested {
                            all = false
                        } else {
                            seen(element, found_in, Source::Appended)
                        }
                    }
                    ("extend" | "update", [more]) => {
                        all &= !read.nested && follow(checker, more, found_in, seen, depth + 1);
                    }
                    ("insert", _) => all = false,
                    _ => {}
                }
            }
            all
        }
        _ => false,
    }
}

/// Whether a value is certainly a list, a set, a tuple or a dictionary.
pub(crate) fn is_container(checker: &Checker<'_>, expr: &Expr) -> bool {
    if expr.is_generator_expr() {
        return true;
    }
    match checker.value(expr) {
        Value::Instance(class) => matches!(
            class.name.as_str(),
            "builtins.list"
                | "builtins.set"
                | "builtins.tuple"
                | "builtins.dict"
                | "builtins.frozenset"
        ),
        _ => false,
    }
}
