//! What members of modules, classes and objects mean, by names alone.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use super::{Assigned, Context, Entity, MAX_DEPTH, Value};
use crate::names::{Binding, ScopeId};
use crate::program::Def;

impl Context<'_> {
    pub(super) fn own_attribute(&self, object: &Value, name: &str, depth: usize) -> Value {
        match object {
            Value::Module(module) => {
                let dotted = format!("{module}.{name}");
                match self.member(module, name, depth + 1) {
                    Value::Named(_) if self.worker.find_module(&dotted).is_some() => {
                        Value::Module(dotted)
                    }
                    found => found,
                }
            }
            // `client.chat.completions`: what the attribute of a package's class is may be known.
            Value::Named(owner) => match self.attribute_class(owner) {
                Some(class) => Value::Named(format!("{class}.{name}")),
                None => Value::Named(format!("{owner}.{name}")),
            },
            Value::Class(class) | Value::Instance(class) => self.class_member(class, name, depth),
            Value::Union(values) => values
                .iter()
                .map(|value| self.own_attribute(value, name, depth + 1))
                .reduce(|one, other| self.either(one, other))
                .unwrap_or(Value::Unknown),
            _ => Value::Unknown,
        }
    }

    pub(super) fn class_member(&self, class: &Entity, name: &str, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return Value::Unknown;
        }
        let Some(def) = class.def else {
            return Value::Named(format!("{}.{name}", class.name));
        };
        self.in_module_of(def, |context| {
            context.own_class_member(class, def, name, depth)
        })
    }

    /// Look into the module that a definition is in, this one or another, at what it shows to others. A module that cannot
    /// be read has nothing to look at.
    pub(crate) fn in_module_of<T: Default>(
        &self,
        def: Def,
        look: impl FnOnce(&Context<'_>) -> T,
    ) -> T {
        if self.def_at(def.start).file == def.file {
            return look(self);
        }
        let module = self.worker.module_for_interface(def.file);
        module.map_or_else(T::default, |module| {
            look(&Context::new(self.worker, &module))
        })
    }

    fn own_class_member(&self, class: &Entity, def: Def, name: &str, depth: usize) -> Value {
        let Some((statement, scope, outer)) = self.names().class_at(def.start) else {
            return Value::Unknown;
        };
        if let Some(binding) = self.names().bindings(name, scope).last() {
            return match binding {
                Binding::Function(function) if is_property(function) => {
                    self.property(function, scope, depth)
                }
                Binding::Function(function) => Value::Function(Entity {
                    name: format!("{}.{name}", class.name),
                    def: Some(self.def_at(function.name.start())),
                }),
                other => self.own_binding(other, scope, name, depth + 1),
            };
        }
        if let Some(found) = self.assigned(scope, name, depth) {
            return found;
        }
        for base in real_bases(statement) {
            let found = match self.own(base, outer, depth + 1) {
                Value::Class(base) => self.class_member(&base, name, depth + 1),
                Value::Named(base) => Value::Named(format!("{base}.{name}")),
                _ => Value::Unknown,
            };
            if found != Value::Unknown {
                return found;
            }
        }
        Value::Unknown
    }

    /// What the methods of a class assign to an attribute. It is asked for again and again, and may be what it is made from.
    fn assigned(&self, class: ScopeId, name: &str, depth: usize) -> Option<Value> {
        let attributes = self.names().attribute(class, name);
        if attributes.is_empty() {
            return None;
        }
        let known = |known: &Assigned| known.get(&class)?.get(name).cloned();
        if let Some(found) = known(&self.assigned.borrow()) {
            return Some(found);
        }
        let keep = |value: Value| {
            let mut all = self.assigned.borrow_mut();
            all.entry(class).or_default().insert(name.to_owned(), value);
        };
        keep(Value::Unknown);
        let found = attributes
            .iter()
            .map(|attribute| match attribute.annotation {
                Some(annotation) => self.annotated(annotation, attribute.scope, depth + 1),
                None => attribute.value.map_or(Value::Unknown, |value| {
                    self.own(value, attribute.scope, depth + 1)
                }),
            })
            .reduce(|one, other| self.either(one, other))?;
        if depth <= MAX_DEPTH / 2 {
            keep(found.clone());
        } else if let Some(all) = self.assigned.borrow_mut().get_mut(&class) {
            // Another way there may see further.
            all.remove(name);
        }
        Some(found)
    }

    /// What reading a property gives: by its annotation, or by what its only statement returns.
    pub(super) fn property(
        &self,
        function: &ast::StmtFunctionDef,
        scope: ScopeId,
        depth: usize,
    ) -> Value {
        if let Some(annotation) = &function.returns {
            return self.annotated(annotation, scope, depth + 1);
        }
        let body = self.names().of_function(function).zip(function.body.last());
        match body {
            Some((
                inner,
                ast::Stmt::Return(ast::StmtReturn {
                    value: Some(value), ..
                }),
            )) if function.body.len() <= 2 => self.own(value, inner, depth + 1),
            _ => Value::Unknown,
        }
    }

    /// The class of an attribute of a package's class: `openai.OpenAI.chat`, `pymongo.MongoClient.anything`.
    fn attribute_class(&self, dotted: &str) -> Option<&str> {
        let knowledge = self.knowledge();
        let dotted = knowledge.canonical(dotted);
        if let Some(class) = knowledge.returned_class(&dotted) {
            return Some(class);
        }
        let (owner, _) = dotted.rsplit_once('.')?;
        if !knowledge.is_class(owner) || knowledge.facts(&dotted).is_some() {
            return None;
        }
        knowledge.returned_class(&format!("{owner}.__getattr__"))
    }

    /// `client["shop"]`, where the package's class says what its items are.
    pub(super) fn own_item(&self, object: &Value) -> Value {
        let class = match object {
            Value::Instance(class) if class.def.is_none() => class.name.as_str(),
            Value::Named(name) => match self.attribute_class(name) {
                Some(class) => class,
                None => return Value::Unknown,
            },
            _ => return Value::Unknown,
        };
        self.instance_of_returned(&format!("{class}.__getitem__"))
    }
}

fn is_property(function: &ast::StmtFunctionDef) -> bool {
    function
        .decorator_list
        .iter()
        .any(|decorator| match &decorator.expression {
            Expr::Name(name) => matches!(name.id.as_str(), "property" | "cached_property"),
            Expr::Attribute(attribute) => attribute.attr.as_str() == "cached_property",
            _ => false,
        })
}

/// The bases of a class, those in `with_metaclass(Meta, Base)` too.
fn real_bases(class: &ast::StmtClassDef) -> impl Iterator<Item = &Expr> {
    class.bases().iter().flat_map(|base| match base {
        Expr::Call(call)
            if call
                .func
                .as_name_expr()
                .is_some_and(|name| name.id == "with_metaclass") =>
        {
            call.arguments.args.get(1..).unwrap_or_default()
        }
        Expr::Subscript(generic) => std::slice::from_ref(&*generic.value),
        other => std::slice::from_ref(other),
    })
}
