//! Places that more than one task can reach: attributes of `self`, of classes and of modules, and globals.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::TextRange;

use crate::context::Context;
use crate::flow::{Flow, What, place};
use crate::names::{Binding, ScopeId, ScopeNode, first_parameter};

/// A shared place as text (`self.items`), by an expression that reads or writes it; items are those of the whole: `self.items[key]`.
pub(crate) fn shared(context: &Context<'_>, expr: &Expr, scope: ScopeId) -> Option<String> {
    let expr = match expr {
        Expr::Subscript(found) => &found.value,
        expr => expr,
    };
    let text = place(expr)?;
    is_shared_root(context, expr, scope).then_some(text)
}

/// The same for an attribute that is named by a string: `getattr(self, "name")`.
pub(crate) fn shared_attribute(
    context: &Context<'_>,
    owner: &Expr,
    name: &str,
    scope: ScopeId,
) -> Option<String> {
    let text = place(owner)?;
    let is_self = context
        .names()
        .enclosing_function(scope)
        .is_some_and(|(_, function)| first_parameter(function) == Some(text.as_str()))
        && context.names().enclosing_class(scope).is_some();
    (is_self || is_shared_root(context, owner, scope)).then(|| format!("{text}.{name}"))
}

/// Whether what an expression starts with is reached by others: `self`, `cls`, a class, a module, a global.
fn is_shared_root(context: &Context<'_>, expr: &Expr, scope: ScopeId) -> bool {
    let mut root = expr;
    let mut is_attribute = false;
    while let Expr::Attribute(found) = root {
        root = &found.value;
        is_attribute = true;
    }
    let Expr::Name(name) = root else { return false };
    if let Some((_, function)) = context.names().enclosing_function(scope)
        && first_parameter(function) == Some(name.id.as_str())
        && context.names().enclosing_class(scope).is_some()
    {
        return is_attribute;
    }
    let Some((found_in, bindings)) = context.names().lookup(name.id.as_str(), scope) else {
        return false;
    };
    if found_in != ScopeId::MODULE {
        return false;
    }
    bindings.iter().all(|binding| match binding {
        Binding::Class(_) | Binding::Import { .. } | Binding::ImportFrom { .. } => is_attribute,
        Binding::Value(_) | Binding::Annotated { .. } => true,
        _ => false,
    })
}

/// Methods that change a container.
pub(crate) const CHANGES: &[&str] = &[
    "append",
    "appendleft",
    "add",
    "insert",
    "extend",
    "update",
    "pop",
    "popitem",
    "popleft",
    "remove",
    "discard",
    "clear",
    "setdefault",
];

/// Changes of a container in a body: `x[key] = …`, `del x[key]`, `x.append(…)`. Not `x = …`, which leaves the old one as it is.
pub(crate) fn container_changes<'a>(
    context: &Context<'_>,
    flow: &Flow<'a>,
) -> Vec<(usize, String, TextRange)> {
    use ruff_text_size::Ranged;
    let mut all = Vec::new();
    for (index, step) in flow.steps.iter().enumerate() {
        let (owner, range) = match step.what {
            What::Write {
                target: Expr::Subscript(found),
                ..
            }
            | What::Delete(Expr::Subscript(found)) => (&*found.value, found.range()),
            What::Call(call) => match crate::locks::method_call(call, CHANGES) {
                Some(owner) => (owner, call.range()),
                None => continue,
            },
            _ => continue,
        };
        if let Some(text) = shared(context, owner, step.scope) {
            all.push((index, text, range));
        }
    }
    all
}

/// The methods of the class that a scope lies in, with their own scopes.
pub(crate) fn methods<'a>(
    context: &Context<'a>,
    scope: ScopeId,
) -> Vec<(&'a ast::StmtFunctionDef, ScopeId)> {
    let names = context.names();
    let Some((class, _)) = names.enclosing_class(scope) else {
        return Vec::new();
    };
    names
        .functions
        .iter()
        .filter(|(_, parent)| *parent == class)
        .filter_map(|(function, _)| Some((*function, names.of_function(function)?)))
        .collect()
}

/// Whether a name is a function's own: a parameter or a local.
pub(crate) fn is_local(context: &Context<'_>, name: &str, scope: ScopeId) -> bool {
    context
        .names()
        .lookup(name, scope)
        .is_some_and(|(found_in, _)| {
            matches!(
                context.names().scope(found_in).node,
                ScopeNode::Function(_) | ScopeNode::Comprehension
            )
        })
}
