//! What an annotation rules out.

use ruff_python_ast::{self as ast, Expr};

use crate::context::{Context, Value};
use crate::names::ScopeId;

/// Whether nothing that must be awaited is meant by an annotation: `int`, `list[str]`, `Response | None`, a class of the
/// project without `__await__`. False where that is not certain.
pub(crate) fn is_plain(context: &Context<'_>, annotation: &Expr, scope: ScopeId) -> bool {
    match annotation {
        Expr::NoneLiteral(_) => true,
        Expr::BinOp(union) if union.op == ast::Operator::BitOr => {
            is_plain(context, &union.left, scope) && is_plain(context, &union.right, scope)
        }
        Expr::Subscript(subscript) => {
            let items = match &*subscript.slice {
                Expr::Tuple(tuple) => tuple.elts.as_slice(),
                one => std::slice::from_ref(one),
            };
            match last_name(&subscript.value) {
                Some("Optional" | "Union") => {
                    items.iter().all(|item| is_plain(context, item, scope))
                }
                Some("Annotated" | "Final") => items
                    .first()
                    .is_some_and(|item| is_plain(context, item, scope)),
                Some("Literal") => true,
                Some(_) => is_plain(context, &subscript.value, scope),
                None => false,
            }
        }
        Expr::Name(_) | Expr::Attribute(_) => named_is_plain(context, annotation, scope),
        Expr::StringLiteral(text) => matches!(
            text.value.to_str().split('[').next().unwrap_or_default(),
            "int" | "str" | "bool" | "float" | "bytes" | "dict" | "list" | "tuple" | "set" | "None"
        ),
        _ => false,
    }
}

/// The same, and not only `None`: a callable that is declared to give nothing is often given one that gives something.
pub(crate) fn is_plain_value(context: &Context<'_>, annotation: &Expr, scope: ScopeId) -> bool {
    !annotation.is_none_literal_expr() && is_plain(context, annotation, scope)
}

/// The argument types and the return type of `Callable[[…], …]`, through `Optional` and `| None`.
pub(crate) fn callable(annotation: &Expr) -> Option<(&Expr, &Expr)> {
    match annotation {
        Expr::BinOp(union) if union.op == ast::Operator::BitOr => {
            match (&*union.left, &*union.right) {
                (Expr::NoneLiteral(_), other) | (other, Expr::NoneLiteral(_)) => callable(other),
                _ => None,
            }
        }
        Expr::Subscript(subscript) => match last_name(&subscript.value)? {
            "Optional" => callable(&subscript.slice),
            "Callable" => match &*subscript.slice {
                Expr::Tuple(tuple) => match tuple.elts.as_slice() {
                    [arguments, returned] => Some((arguments, returned)),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}

fn named_is_plain(context: &Context<'_>, annotation: &Expr, scope: ScopeId) -> bool {
    let dotted = context.dotted(annotation, scope);
    if let Some(dotted) = &dotted
        && is_plain_name(dotted)
    {
        return true;
    }
    match context.value(annotation, scope) {
        Value::Class(class) => {
            if is_plain_name(&class.name) {
                return true;
            }
            let Some(def) = class.def else { return false };
            if !context.program().is_first_party(def.file) {
                return false;
            }
            let Some(module) = context.worker.module_of(def) else {
                return false;
            };
            let names = module.names();
            let Some((statement, _, _)) = names.class_at(def.start) else {
                return false;
            };
            // Of a base that is not seen nothing is known, and a protocol says only what it asks for.
            statement.bases().iter().all(|base| {
                matches!(
                    last_name(base),
                    Some(
                        "object"
                            | "BaseModel"
                            | "NamedTuple"
                            | "TypedDict"
                            | "Enum"
                            | "IntEnum"
                            | "StrEnum"
                            | "str"
                            | "int"
                    )
                )
            }) && context.method(def, "__await__").is_none()
        }
        _ => false,
    }
}

fn is_plain_name(dotted: &str) -> bool {
    matches!(
        dotted,
        "builtins.int"
            | "builtins.str"
            | "builtins.bool"
            | "builtins.float"
            | "builtins.bytes"
            | "builtins.bytearray"
            | "builtins.dict"
            | "builtins.list"
            | "builtins.tuple"
            | "builtins.set"
            | "builtins.frozenset"
            | "builtins.complex"
            | "typing.Dict"
            | "typing.List"
            | "typing.Tuple"
            | "typing.Set"
            | "typing.FrozenSet"
            | "typing.Text"
            | "typing.Mapping"
            | "typing.MutableMapping"
            | "typing.Sequence"
            | "collections.abc.Mapping"
            | "collections.abc.MutableMapping"
            | "collections.abc.Sequence"
            | "datetime.datetime"
            | "datetime.date"
            | "datetime.timedelta"
            | "decimal.Decimal"
            | "pathlib.Path"
            | "uuid.UUID"
    )
}
