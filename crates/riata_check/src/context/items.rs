//! What is in a display that a name, an attribute or a copy stands for: `HANDLERS[name]`, `for step in STEPS`.

use ruff_python_ast::{self as ast, Expr, Number};

use super::{Context, MAX_DEPTH, Value, absolute_module};
use crate::names::{Binding, ScopeId};

/// What it costs to follow a name or an attribute, of `MAX_DEPTH`.
const COST: usize = 6;
/// A name that is bound more often is not followed.
const MOST_BINDINGS: usize = 8;

impl Context<'_> {
    /// What an item of a container is: the one under `key` where that is a constant, else any of those that are seen. Others
    /// may be put there later.
    pub(crate) fn item(
        &self,
        container: &Expr,
        key: Option<&Expr>,
        scope: ScopeId,
        depth: usize,
    ) -> Value {
        if depth > MAX_DEPTH {
            return Value::Unknown;
        }
        // Each name may have several values, and each of those be made of names.
        let further = depth + COST;
        match container {
            Expr::Dict(dict) => {
                let at = dict.items.iter().find(|item| {
                    key.zip(item.key.as_ref())
                        .is_some_and(|(asked, found)| is_same(asked, found))
                });
                match at {
                    Some(item) => self.kept(&item.value, scope, depth),
                    None => self.any(dict.items.iter().map(|item| match item.key {
                        Some(_) => self.kept(&item.value, scope, depth),
                        None => self.item(&item.value, key, scope, depth + 1),
                    })),
                }
            }
            Expr::List(ast::ExprList { elts, .. })
            | Expr::Tuple(ast::ExprTuple { elts, .. })
            | Expr::Set(ast::ExprSet { elts, .. }) => {
                let is_even = !elts.iter().any(Expr::is_starred_expr);
                match key.and_then(index).filter(|_| is_even) {
                    Some(index) => elts
                        .get(index)
                        .map_or(Value::Unknown, |found| self.kept(found, scope, depth)),
                    None => self.any(elts.iter().map(|element| match element {
                        Expr::Starred(more) => self.item(&more.value, None, scope, depth + 1),
                        element => self.kept(element, scope, depth),
                    })),
                }
            }
            Expr::Name(name) => match self.names().lookup(name.id.as_str(), scope) {
                Some((found_in, bindings)) if bindings.len() <= MOST_BINDINGS => self.any(
                    bindings
                        .iter()
                        .map(|binding| self.item_bound(binding, key, found_in, further)),
                ),
                _ => Value::Unknown,
            },
            Expr::Attribute(attribute) => {
                let name = attribute.attr.as_str();
                match self.own(&attribute.value, scope, depth + 1) {
                    Value::Instance(class) | Value::Class(class) => {
                        let Some(def) = class.def else {
                            return Value::Unknown;
                        };
                        self.in_module_of(def, |context| {
                            let Some((_, class, _)) = context.names().class_at(def.start) else {
                                return Value::Unknown;
                            };
                            let in_body = context.names().bindings(name, class).iter();
                            let in_body = in_body
                                .map(|binding| context.item_bound(binding, key, class, further));
                            let in_methods = context.names().attribute(class, name).iter();
                            let in_methods = in_methods.take(MOST_BINDINGS);
                            let in_methods = in_methods.map(|found| match found.value {
                                Some(value) => context.item(value, key, found.scope, further),
                                None => Value::Unknown,
                            });
                            context.any(in_body.chain(in_methods))
                        })
                    }
                    Value::Module(module) => self.item_of_module(&module, name, key, further),
                    _ => Value::Unknown,
                }
            }
            Expr::Call(call) => match (&*call.func, &*call.arguments.args) {
                (Expr::Attribute(method), [])
                    if matches!(method.attr.as_str(), "values" | "copy") =>
                {
                    self.item(&method.value, key, scope, depth + 1)
                }
                (Expr::Name(name), [copied])
                    if matches!(
                        name.id.as_str(),
                        "list" | "tuple" | "set" | "dict" | "reversed" | "iter"
                    ) =>
                {
                    self.item(copied, key, scope, depth + 1)
                }
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }

    /// What a part of the items of a container is: `for name, handler in HANDLERS.items()`.
    pub(super) fn item_part(
        &self,
        container: &Expr,
        part: usize,
        scope: ScopeId,
        depth: usize,
    ) -> Value {
        match container {
            Expr::Call(call) => match &*call.func {
                Expr::Attribute(method) if method.attr.as_str() == "items" && part == 1 => {
                    self.item(&method.value, None, scope, depth + 1)
                }
                Expr::Name(name) if name.id == "enumerate" && part == 1 => {
                    let counted = call.arguments.args.first();
                    counted.map_or(Value::Unknown, |counted| {
                        self.item(counted, None, scope, depth + 1)
                    })
                }
                _ => Value::Unknown,
            },
            Expr::List(ast::ExprList { elts, .. }) | Expr::Tuple(ast::ExprTuple { elts, .. }) => {
                self.any(elts.iter().map(|element| {
                    match element {
                        Expr::Tuple(row) => row
                            .elts
                            .get(part)
                            .map_or(Value::Unknown, |found| self.kept(found, scope, depth)),
                        _ => Value::Unknown,
                    }
                }))
            }
            Expr::Name(name) => match self.names().lookup(name.id.as_str(), scope) {
                Some((found_in, [Binding::Value(value)])) if depth < MAX_DEPTH => {
                    self.item_part(value, part, found_in, depth + 1)
                }
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }

    fn item_bound(
        &self,
        binding: &Binding<'_>,
        key: Option<&Expr>,
        scope: ScopeId,
        depth: usize,
    ) -> Value {
        match binding {
            Binding::Value(value)
            | Binding::Annotated {
                value: Some(value), ..
            } => self.item(value, key, scope, depth + 1),
            Binding::ImportFrom { statement, alias } => {
                let module = absolute_module(self.text(), statement);
                self.item_of_module(&module, alias.name.as_str(), key, depth)
            }
            _ => Value::Unknown,
        }
    }

    fn item_of_module(&self, module: &str, name: &str, key: Option<&Expr>, depth: usize) -> Value {
        // Modules may import a name from each other, round and round.
        if depth > MAX_DEPTH {
            return Value::Unknown;
        }
        let found = self
            .worker
            .find_module(module)
            .and_then(|file| self.worker.module_for_interface(file));
        let Some(found) = found else {
            return Value::Unknown;
        };
        let inner = Context::new(self.worker, &found);
        let bindings = found.names().bindings(name, ScopeId::MODULE).iter();
        inner.any(
            bindings.map(|binding| inner.item_bound(binding, key, ScopeId::MODULE, depth + COST)),
        )
    }

    /// What something is that is kept in a container. A number or a text there says nothing of what will stand in its place.
    fn kept(&self, value: &Expr, scope: ScopeId, depth: usize) -> Value {
        match self.own(value, scope, depth + 1) {
            Value::Instance(class) if class.name.starts_with("builtins.") => Value::Unknown,
            Value::None => Value::Unknown,
            found => found,
        }
    }

    fn any(&self, values: impl Iterator<Item = Value>) -> Value {
        const MOST: usize = 100;
        values
            .take(MOST)
            .reduce(|one, other| self.either(one, other))
            .unwrap_or(Value::Unknown)
    }
}

/// Whether two keys are the same constant.
fn is_same(asked: &Expr, found: &Expr) -> bool {
    match (asked, found) {
        (Expr::StringLiteral(asked), Expr::StringLiteral(found)) => {
            asked.value.to_str() == found.value.to_str()
        }
        (Expr::NumberLiteral(asked), Expr::NumberLiteral(found)) => asked.value == found.value,
        _ => false,
    }
}

fn index(key: &Expr) -> Option<usize> {
    match key {
        Expr::NumberLiteral(ast::ExprNumberLiteral {
            value: Number::Int(index),
            ..
        }) => index.as_usize(),
        _ => None,
    }
}
