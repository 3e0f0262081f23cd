//! What calls give, by names and the knowledge base alone.

use ruff_python_ast::{self as ast, Expr};

use super::{Context, Entity, Value, last};
use crate::functions::{Returned, is_generator};
use crate::knowledge::{Returned as Gives, is_class_name};
use crate::names::ScopeId;
use crate::program::Def;

impl Context<'_> {
    /// What a call gives before it is awaited, where the knowledge base has the name as async.
    pub(super) fn unawaited(&self, name: &str) -> Option<Value> {
        let name = self.knowledge().canonical(name);
        let class = match self.knowledge().facts(&name)?.returned? {
            Gives::Coroutine => "types.CoroutineType",
            Gives::Future => "asyncio.Future",
            Gives::Task => "asyncio.Task",
            Gives::Awaitable => "typing.Awaitable",
        };
        Some(Value::Instance(Entity {
            name: class.to_owned(),
            def: None,
        }))
    }

    pub(super) fn instance_of_returned(&self, name: &str) -> Value {
        let class = self.knowledge().returned_class(name);
        class.map_or(Value::Unknown, |class| {
            Value::Instance(Entity {
                name: class.to_owned(),
                def: None,
            })
        })
    }

    pub(super) fn own_call(&self, call: &ast::ExprCall, scope: ScopeId, depth: usize) -> Value {
        if let Some(found) = self.looked_up(call, scope, depth) {
            return found;
        }
        match self.own(&call.func, scope, depth + 1) {
            Value::Class(class) => Value::Instance(class),
            Value::Named(name) => match self.unawaited(&name) {
                Some(found) => found,
                None => self.instance_by_name(&name),
            },
            // `self.session()` of `self.session = sessionmaker(…)`.
            Value::Instance(class) if class.def.is_none() => {
                self.instance_of_returned(&format!("{}.__call__", class.name))
            }
            Value::Function(function) => {
                if let Some(class) = self.knowledge().returned_class(&function.name) {
                    return Value::Instance(Entity {
                        name: class.to_owned(),
                        def: None,
                    });
                }
                let Some(def) = function.def else {
                    return Value::Unknown;
                };
                let keeps_async = self
                    .worker
                    .function(def)
                    .is_some_and(|function| function.keeps_async);
                self.returned(def, depth, |found| {
                    if found.is_async && !keeps_async {
                        Some(Value::Unknown)
                    } else if found.is_async && !is_generator(found) {
                        Some(Value::Instance(Entity {
                            name: "types.CoroutineType".to_owned(),
                            def: None,
                        }))
                    } else {
                        None
                    }
                })
            }
            _ => Value::Unknown,
        }
    }

    /// `HANDLERS.get(name)` of a display, `getattr(module, "name")`.
    fn looked_up(&self, call: &ast::ExprCall, scope: ScopeId, depth: usize) -> Option<Value> {
        let found = match (&*call.func, &*call.arguments.args) {
            (Expr::Attribute(method), [key, rest @ ..])
                if matches!(method.attr.as_str(), "get" | "pop" | "setdefault") =>
            {
                let item = self.item(&method.value, Some(key), scope, depth + 1);
                match rest.first() {
                    Some(default) if item != Value::Unknown => {
                        self.either(item, self.own(default, scope, depth + 1))
                    }
                    _ => item,
                }
            }
            (Expr::Name(function), [object, Expr::StringLiteral(name)])
                if function.id == "getattr" =>
            {
                let object = self.own(object, scope, depth + 1);
                self.own_attribute(&object, name.value.to_str(), depth)
            }
            _ => Value::Unknown,
        };
        (found != Value::Unknown).then_some(found)
    }

    /// What awaiting a call gives.
    pub(super) fn own_awaited(&self, call: &ast::ExprCall, scope: ScopeId, depth: usize) -> Value {
        match self.own(&call.func, scope, depth + 1) {
            Value::Class(class) => Value::Instance(class),
            Value::Named(name) => self.instance_by_name(&name),
            Value::Function(function) => match function.def {
                Some(def) => self.returned(def, depth, |_| None),
                None => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }

    /// What a function is annotated to return.
    pub(super) fn returned(
        &self,
        def: Def,
        depth: usize,
        special: impl Fn(&ast::StmtFunctionDef) -> Option<Value>,
    ) -> Value {
        self.in_module_of(def, |context| {
            let Some((function, _, scope)) = context.names().function_at(def.start) else {
                return Value::Unknown;
            };
            if let Some(found) = special(function) {
                return found;
            }
            if is_generator(function) {
                return Value::Unknown;
            }
            match &function.returns {
                Some(annotation) => context.annotated(annotation, scope, depth + 1),
                None => context.inferred(function, depth),
            }
        })
    }

    /// What a function returns that says nothing of it: the one thing that all of its few `return` statements give.
    fn inferred(&self, function: &ast::StmtFunctionDef, depth: usize) -> Value {
        // As many returns, times as many for each function that one of them calls.
        const MOST_RETURNS: usize = 4;
        const COST: usize = 3;
        let Some(own) = self.names().of_function(function) else {
            return Value::Unknown;
        };
        let returned = Returned::of(function);
        if returned.len() > MOST_RETURNS || !function.decorator_list.iter().all(is_method_kind) {
            return Value::Unknown;
        }
        let mut found = Value::None;
        for value in returned {
            found = match (found, self.own(value, own, depth + COST)) {
                (found, Value::None) => found,
                (Value::None, this @ Value::Instance(_)) => this,
                (found, this) if found == this => found,
                _ => return Value::Unknown,
            };
        }
        found
    }

    fn instance_by_name(&self, name: &str) -> Value {
        let name = self.knowledge().canonical(name);
        if let Some(class) = self.knowledge().returned_class(&name) {
            return Value::Instance(Entity {
                name: class.to_owned(),
                def: None,
            });
        }
        if self.knowledge().is_class(&name) || is_class_name(last(&name)) {
            return Value::Instance(Entity {
                name: name.into_owned(),
                def: None,
            });
        }
        Value::Unknown
    }
}

/// Whether a decorator leaves what a function returns as it is.
fn is_method_kind(decorator: &ast::Decorator) -> bool {
    decorator.expression.as_name_expr().is_some_and(|name| {
        matches!(
            name.id.as_str(),
            "staticmethod" | "classmethod" | "override"
        )
    })
}
