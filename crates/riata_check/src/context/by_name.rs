//! What expressions mean by names, assignments and the knowledge base alone; `members`, `calls` and `annotated` go on with it. Types are not
//! asked here.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use super::{Context, Entity, MAX_DEPTH, Value, absolute_module};
use crate::functions::LAMBDA;
use crate::names::{Binding, ScopeId, ScopeNode, first_parameter};
use crate::program::Def;

const MOST_BINDINGS: usize = 500;

impl Context<'_> {
    /// The full name that an expression made of names and dots stands for, by imports: `asyncio.sleep`.
    pub(crate) fn dotted(&self, expr: &Expr, scope: ScopeId) -> Option<String> {
        self.dotted_from(expr, scope, 0)
    }

    /// The class that an annotation names: types see an object of it there.
    pub(crate) fn named_class(&self, annotation: &Expr, scope: ScopeId) -> Option<Entity> {
        match self.own(annotation, scope, 0) {
            Value::Class(class) => Some(class),
            _ => None,
        }
    }

    /// The same, for what is asked on the way to something else: names may go round in circles.
    pub(super) fn dotted_from(&self, expr: &Expr, scope: ScopeId, depth: usize) -> Option<String> {
        match self.own(expr, scope, depth) {
            Value::Module(name) | Value::Named(name) => {
                Some(self.knowledge().canonical(&name).into_owned())
            }
            Value::Function(entity) | Value::Class(entity) => {
                Some(self.knowledge().canonical(&entity.name).into_owned())
            }
            _ => None,
        }
    }

    pub(super) fn own(&self, expr: &Expr, scope: ScopeId, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return Value::Unknown;
        }
        match expr {
            Expr::Name(name) => self.own_name(name, scope, depth),
            Expr::Attribute(attribute) => {
                let object = self.own(&attribute.value, scope, depth + 1);
                self.own_attribute(&object, attribute.attr.as_str(), depth)
            }
            Expr::Call(call) => match self.given_to_partial(call, scope, depth) {
                // What is called of it is the function.
                Some(function) => self.own(function, scope, depth + 1),
                None => self.own_call(call, scope, depth),
            },
            Expr::Subscript(subscript) => {
                match self.own_item(&self.own(&subscript.value, scope, depth + 1)) {
                    Value::Unknown => {
                        self.item(&subscript.value, Some(&subscript.slice), scope, depth + 1)
                    }
                    found => found,
                }
            }
            Expr::Lambda(lambda) => Value::Function(Entity {
                name: LAMBDA.to_owned(),
                def: Some(self.def_at(lambda.start())),
            }),
            Expr::Await(awaited) => match &*awaited.value {
                Expr::Call(call) => self.own_awaited(call, scope, depth),
                _ => Value::Unknown,
            },
            Expr::Named(named) => self.own(&named.value, scope, depth + 1),
            Expr::If(choice) => self.either(
                self.own(&choice.body, scope, depth + 1),
                self.own(&choice.orelse, scope, depth + 1),
            ),
            Expr::BoolOp(operation) => operation
                .values
                .iter()
                .map(|value| self.own(value, scope, depth + 1))
                .reduce(|one, other| self.either(one, other))
                .unwrap_or(Value::Unknown),
            Expr::NoneLiteral(_) => Value::None,
            Expr::StringLiteral(_) | Expr::FString(_) => builtin("str"),
            Expr::BytesLiteral(_) => builtin("bytes"),
            Expr::BooleanLiteral(_) => builtin("bool"),
            Expr::NumberLiteral(_) => builtin("int"),
            Expr::List(_) | Expr::ListComp(_) => builtin("list"),
            Expr::Dict(_) | Expr::DictComp(_) => builtin("dict"),
            Expr::Set(_) | Expr::SetComp(_) => builtin("set"),
            Expr::Tuple(_) => builtin("tuple"),
            _ => Value::Unknown,
        }
    }

    pub(super) fn either(&self, one: Value, other: Value) -> Value {
        match (one, other) {
            (one, other) if one == other => one,
            // `x = x or default`, `None if … else value`: what is known of the other is what matters.
            (Value::None | Value::Unknown, known) | (known, Value::None | Value::Unknown) => known,
            (one, other) => {
                let mut all = flat(one);
                for value in flat(other) {
                    if !all.contains(&value) {
                        all.push(value);
                    }
                }
                Value::Union(all)
            }
        }
    }

    pub(super) fn own_name(&self, name: &ast::ExprName, scope: ScopeId, depth: usize) -> Value {
        let Some((found_in, bindings)) = self.names().lookup(name.id.as_str(), scope) else {
            return Value::Function(Entity {
                name: format!("builtins.{}", name.id),
                def: None,
            });
        };
        // Generated code: nobody binds a name that often.
        if bindings.len() > MOST_BINDINGS {
            return Value::Unknown;
        }
        // The one that was bound last before it is read, by the order of the text: right but for loops.
        let same_scope = self.names().enclosing_function(scope).map(|(id, _)| id)
            == self.names().enclosing_function(found_in).map(|(id, _)| id);
        if same_scope && bindings.len() > 1 {
            let last = bindings
                .iter()
                .filter(|binding| binding.start().is_some_and(|start| start < name.start()))
                .max_by_key(|binding| binding.start());
            if let Some(binding) = last {
                return self.own_binding(binding, found_in, name.id.as_str(), depth + 1);
            }
        }
        let mut values = bindings
            .iter()
            .map(|binding| self.own_binding(binding, found_in, name.id.as_str(), depth + 1));
        let Some(first) = values.next() else {
            return Value::Unknown;
        };
        values.fold(first, |one, other| self.either(one, other))
    }

    pub(super) fn own_binding(
        &self,
        binding: &Binding<'_>,
        scope: ScopeId,
        name: &str,
        depth: usize,
    ) -> Value {
        if depth > MAX_DEPTH {
            return Value::Unknown;
        }
        match binding {
            Binding::Import { alias } => {
                let dotted = alias.name.as_str();
                Value::Module(match alias.asname {
                    Some(_) => dotted.to_owned(),
                    None => dotted.split('.').next().unwrap_or(dotted).to_owned(),
                })
            }
            Binding::ImportFrom { statement, alias } => {
                let module = absolute_module(self.text(), statement);
                self.member(&module, alias.name.as_str(), depth)
            }
            Binding::Function(function) => Value::Function(Entity {
                name: self.full_name(scope, name),
                def: Some(self.def_at(function.name.start())),
            }),
            Binding::Class(class) => Value::Class(Entity {
                name: self.full_name(scope, name),
                def: Some(self.def_at(class.name.start())),
            }),
            Binding::Value(value) => self.own(value, scope, depth + 1),
            Binding::Annotated { annotation, value } => {
                match self.annotated(annotation, scope, depth + 1) {
                    Value::Unknown => {
                        value.map_or(Value::Unknown, |value| self.own(value, scope, depth + 1))
                    }
                    found => found,
                }
            }
            Binding::Parameter(parameter) => {
                if let Some(annotation) = &parameter.annotation {
                    // It stands outside of the function: `def f(type: type[Base])` does not mean the parameter.
                    let outer = match self.names().scope(scope).node {
                        ScopeNode::Function(_) => self.names().scope(scope).parent.unwrap_or(scope),
                        _ => scope,
                    };
                    return self.annotated(annotation, outer, depth + 1);
                }
                match self.names().scope(scope).node {
                    ScopeNode::Function(function) if first_parameter(function) == Some(name) => {
                        self.self_of(scope, function)
                    }
                    _ => Value::Unknown,
                }
            }
            Binding::With { value, is_async } => {
                let value = match value {
                    Expr::Await(awaited) => &awaited.value,
                    value => *value,
                };
                if *is_async
                    && let Expr::Call(call) = value
                    && let found @ Value::Instance(_) = self.own_awaited(call, scope, depth + 1)
                {
                    return found;
                }
                match self.own(value, scope, depth + 1) {
                    found @ Value::Instance(_) => found,
                    _ => Value::Unknown,
                }
            }
            Binding::Item { iterable } => self.item(iterable, None, scope, depth + 1),
            Binding::ItemPart { iterable, index } => {
                self.item_part(iterable, *index, scope, depth + 1)
            }
            Binding::Exception | Binding::Other => Value::Unknown,
        }
    }

    /// What `self` (or `cls`) is in a method.
    fn self_of(&self, scope: ScopeId, function: &ast::StmtFunctionDef) -> Value {
        let Some(parent) = self.names().scope(scope).parent else {
            return Value::Unknown;
        };
        let ScopeNode::Class(class) = self.names().scope(parent).node else {
            return Value::Unknown;
        };
        let decorated = |name: &str| {
            function.decorator_list.iter().any(|decorator| {
                decorator
                    .expression
                    .as_name_expr()
                    .is_some_and(|found| found.id == name)
            })
        };
        let outer = self.names().scope(parent).parent.unwrap_or(ScopeId::MODULE);
        let entity = Entity {
            name: self.full_name(outer, class.name.as_str()),
            def: Some(self.def_at(class.name.start())),
        };
        if decorated("staticmethod") {
            Value::Unknown
        } else if decorated("classmethod") {
            Value::Class(entity)
        } else {
            Value::Instance(entity)
        }
    }

    pub(super) fn full_name(&self, scope: ScopeId, name: &str) -> String {
        format!(
            "{}.{}",
            self.text().name,
            self.names().qualname(scope, name)
        )
    }

    pub(crate) fn def_at(&self, start: ruff_text_size::TextSize) -> Def {
        Def {
            file: self.program().file(&self.text().origin),
            start,
        }
    }

    /// A member of a module, first-party or not.
    pub(super) fn member(&self, module: &str, name: &str, depth: usize) -> Value {
        let dotted = format!("{module}.{name}");
        if depth > MAX_DEPTH {
            return Value::Unknown;
        }
        if let Some(file) = self.worker.find_module(module)
            && let Some(found) = self.worker.module_for_interface(file)
        {
            let inner = Context::new(self.worker, &found);
            let bindings = found.names().bindings(name, ScopeId::MODULE);
            if let Some(binding) = bindings.last() {
                // `from package import module` in the package itself.
                if let Binding::ImportFrom { statement, alias } = binding
                    && alias.name.as_str() == name
                    && absolute_module(inner.text(), statement) == module
                    && self.worker.find_module(&dotted).is_some()
                {
                    return Value::Module(dotted);
                }
                return inner.own_binding(binding, ScopeId::MODULE, name, depth + 1);
            }
            if self.worker.find_module(&dotted).is_some() {
                return Value::Module(dotted);
            }
            return Value::Named(self.knowledge().canonical(&dotted).into_owned());
        }
        Value::Named(self.knowledge().canonical(&dotted).into_owned())
    }

    fn given_to_partial<'e>(
        &self,
        call: &'e ast::ExprCall,
        scope: ScopeId,
        depth: usize,
    ) -> Option<&'e Expr> {
        let function = call.arguments.args.first()?;
        (crate::annotations::last_name(&call.func) == Some("partial")
            && self.dotted_from(&call.func, scope, depth + 1).as_deref()
                == Some("functools.partial"))
        .then_some(function)
    }
}

/// The members of a union, or the one value.
fn flat(value: Value) -> Vec<Value> {
    match value {
        Value::Union(values) => values,
        value => vec![value],
    }
}

fn builtin(name: &str) -> Value {
    Value::Instance(Entity {
        name: format!("builtins.{name}"),
        def: None,
    })
}
