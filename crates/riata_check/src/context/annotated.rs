//! What annotations say, by names alone.

use ruff_python_ast::{self as ast, Expr};

use super::{Context, Entity, MAX_DEPTH, Value};
use crate::names::ScopeId;

impl Context<'_> {
    /// An instance of what an annotation names.
    pub(super) fn annotated(&self, annotation: &Expr, scope: ScopeId, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return Value::Unknown;
        }
        match annotation {
            Expr::BinOp(union) if union.op == ast::Operator::BitOr => self.either(
                self.annotated(&union.left, scope, depth + 1),
                self.annotated(&union.right, scope, depth + 1),
            ),
            Expr::NoneLiteral(_) => Value::None,
            Expr::Subscript(subscript) => match self
                .dotted_from(&subscript.value, scope, depth + 1)
                .as_deref()
            {
                Some("typing.Optional" | "typing.Annotated" | "typing.Final") => {
                    let inner = match &*subscript.slice {
                        Expr::Tuple(tuple) => tuple.elts.first(),
                        other => Some(other),
                    };
                    inner.map_or(Value::Unknown, |inner| {
                        self.annotated(inner, scope, depth + 1)
                    })
                }
                Some("typing.Union") => match &*subscript.slice {
                    Expr::Tuple(tuple) => tuple
                        .elts
                        .iter()
                        .map(|one| self.annotated(one, scope, depth + 1))
                        .reduce(|one, other| self.either(one, other))
                        .unwrap_or(Value::Unknown),
                    one => self.annotated(one, scope, depth + 1),
                },
                _ => self.annotated(&subscript.value, scope, depth + 1),
            },
            Expr::Name(_) | Expr::Attribute(_) => match self.own(annotation, scope, depth + 1) {
                Value::Class(class) => Value::Instance(class),
                // It says nothing.
                Value::Named(name)
                    if matches!(name.as_str(), "typing.Any" | "typing_extensions.Any") =>
                {
                    Value::Unknown
                }
                Value::Named(name) => Value::Instance(Entity { name, def: None }),
                Value::Function(found) if found.name.starts_with("builtins.") => {
                    Value::Instance(found)
                }
                _ => Value::Unknown,
            },
            Expr::StringLiteral(text) => self.quoted(text.value.to_str(), scope, depth),
            _ => Value::Unknown,
        }
    }

    /// `"module.Class"` as an annotation, when it is only names and dots.
    fn quoted(&self, text: &str, scope: ScopeId, depth: usize) -> Value {
        let mut parts = text.split('.');
        let Some(first) = parts.next() else {
            return Value::Unknown;
        };
        let Some((found_in, bindings)) = self.names().lookup(first, scope) else {
            return Value::Unknown;
        };
        let Some(binding) = bindings.last() else {
            return Value::Unknown;
        };
        let mut found = self.own_binding(binding, found_in, first, depth + 1);
        for part in parts {
            found = self.own_attribute(&found, part, depth + 1);
        }
        match found {
            Value::Class(class) => Value::Instance(class),
            Value::Named(name) => Value::Instance(Entity { name, def: None }),
            _ => Value::Unknown,
        }
    }
}
