//! One module under analysis: what its expressions mean.
//!
//! Types are asked first. Where they know nothing (the package is not installed, or types are off), names, assignments and
//! the knowledge base answer.

use std::cell::RefCell;
use std::rc::Rc;

use riata_types::{Definition, DefinitionKind, ModuleTypes};
use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashMap;

use crate::knowledge::{Facts, Knowledge, Returned, is_class_name};
use crate::names::{Binding, Names, ScopeId, ScopeNode, first_parameter};
use crate::program::{Def, Program, Worker};
use crate::source::{Module, Text};

/// A function or class by its full public name, with where it is defined when that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entity {
    pub(crate) name: String,
    pub(crate) def: Option<Def>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Unknown,
    Never,
    None,
    Module(String),
    /// Something of a package that is not installed, by its full name: a module, a class or a function.
    Named(String),
    Function(Entity),
    Class(Entity),
    Instance(Entity),
    Union(Vec<Value>),
}

/// What a call may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Callee {
    /// The first of its names that the knowledge base has, else its own.
    pub(crate) name: String,
    pub(crate) is_class: bool,
    pub(crate) def: Option<Def>,
}

/// What an expression gives to `await`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Awaitable {
    /// It certainly cannot be awaited.
    No,
    Unknown,
    /// Nothing of it runs until it is awaited.
    Coroutine,
    Task,
    Future,
    /// Another object with `__await__`.
    Other,
}

const MAX_DEPTH: usize = 12;

pub(crate) struct Context<'a> {
    pub(crate) worker: &'a Worker<'a>,
    pub(crate) module: &'a Module,
    pub(crate) types: Option<ModuleTypes<'a>>,
    callees: RefCell<FxHashMap<TextRange, Rc<[Callee]>>>,
    values: RefCell<FxHashMap<TextRange, Value>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(worker: &'a Worker<'a>, module: &'a Module) -> Self {
        let types = worker
            .types
            .as_ref()
            .and_then(|types| types.open_origin(&module.text().origin));
        Self {
            worker,
            module,
            types,
            callees: RefCell::default(),
            values: RefCell::default(),
        }
    }

    pub(crate) fn text(&self) -> &'a Text {
        self.module.text()
    }

    pub(crate) fn names(&self) -> &'a Names<'a> {
        self.module.names()
    }

    pub(crate) fn program(&self) -> &'a Program {
        self.worker.program
    }

    pub(crate) fn knowledge(&self) -> &'a Knowledge {
        &self.worker.program.knowledge
    }

    pub(crate) fn source(&self, node: impl Ranged) -> &'a str {
        self.text().slice(node.range())
    }

    /// The functions and classes that a call may run.
    pub(crate) fn callees(&self, call: &ast::ExprCall, scope: ScopeId) -> Rc<[Callee]> {
        self.meant(&call.func, scope)
    }

    /// The functions and classes that an expression stands for, called or not.
    pub(crate) fn meant(&self, func: &Expr, scope: ScopeId) -> Rc<[Callee]> {
        if let Some(found) = self.callees.borrow().get(&func.range()) {
            return Rc::clone(found);
        }
        let found: Rc<[Callee]> = self.resolve(func, scope).into();
        self.callees
            .borrow_mut()
            .insert(func.range(), Rc::clone(&found));
        found
    }

    /// The one name that a call's function is known by, if there is one.
    pub(crate) fn callee_name(&self, call: &ast::ExprCall, scope: ScopeId) -> Option<String> {
        match &*self.callees(call, scope) {
            [one] => Some(one.name.clone()),
            _ => None,
        }
    }

    /// The method that a class has by a name, its own or inherited, when it can be read.
    pub(crate) fn method(&self, class: Def, name: &str) -> Option<Def> {
        let entity = Entity {
            name: String::new(),
            def: Some(class),
        };
        match self.class_member(&entity, name, 0) {
            Value::Function(found) => found.def,
            _ => None,
        }
    }

    /// What is known of a call whose every meaning is known alike: the first meaning's facts.
    pub(crate) fn facts(&self, call: &ast::ExprCall, scope: ScopeId) -> Option<&'a Facts> {
        self.callees(call, scope)
            .iter()
            .find_map(|callee| self.knowledge().facts(&callee.name))
    }

    /// The types to ask about a node, where they are to be had in reasonable time.
    pub(crate) fn types_at(&self, node: impl Ranged) -> Option<&ModuleTypes<'a>> {
        self.types
            .as_ref()
            .filter(|_| !self.names().is_branchy(node.range()))
    }

    fn resolve(&self, func: &Expr, scope: ScopeId) -> Vec<Callee> {
        if let Some(types) = self.types_at(func) {
            let definitions = types.callee(func);
            if !definitions.is_empty() {
                let receivers = match func {
                    Expr::Attribute(attribute) => self.receivers(&attribute.value),
                    _ => Vec::new(),
                };
                return definitions
                    .iter()
                    .map(|definition| self.typed_callee(definition, &receivers))
                    .collect();
            }
        }
        match self.own(func, scope, 0) {
            Value::Function(entity) => vec![self.callee(entity, false)],
            Value::Class(entity) => vec![self.callee(entity, true)],
            Value::Named(name) => {
                let is_class = self.knowledge().is_class(&name) || is_class_name(last(&name));
                vec![Callee {
                    name,
                    is_class,
                    def: None,
                }]
            }
            Value::Union(values) => values
                .into_iter()
                .filter_map(|value| match value {
                    Value::Function(entity) => Some(self.callee(entity, false)),
                    Value::Class(entity) => Some(self.callee(entity, true)),
                    Value::Named(name) => Some(Callee {
                        name,
                        is_class: false,
                        def: None,
                    }),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    fn callee(&self, entity: Entity, is_class: bool) -> Callee {
        Callee {
            name: self.knowledge().canonical(&entity.name).into_owned(),
            is_class,
            def: entity.def,
        }
    }

    /// The classes of a method's object, by their public names.
    fn receivers(&self, object: &Expr) -> Vec<String> {
        let Some(types) = self.types_at(object) else {
            return Vec::new();
        };
        types
            .classes(object)
            .into_iter()
            .map(|class| {
                self.knowledge()
                    .canonical(&format!("{}.{}", class.module, class.name))
                    .into_owned()
            })
            .collect()
    }

    fn typed_callee(&self, definition: &Definition, receivers: &[String]) -> Callee {
        let dotted = definition.dotted();
        let own = self.knowledge().canonical(&dotted);
        // A method that several classes share is known by the class of the object: `redis.asyncio.Redis.get`.
        let name = receivers
            .iter()
            .map(|class| format!("{class}.{}", last(&definition.qualname)))
            .find(|name| self.knowledge().facts(name).is_some())
            .unwrap_or_else(|| own.into_owned());
        Callee {
            name,
            is_class: definition.kind == DefinitionKind::Class,
            def: Some(self.program().def(definition)),
        }
    }

    /// What an expression is.
    pub(crate) fn value(&self, expr: &Expr, scope: ScopeId) -> Value {
        if let Some(found) = self.values.borrow().get(&expr.range()) {
            return found.clone();
        }
        let mut found = Value::Unknown;
        if let Some(types) = self.types_at(expr) {
            found = self.typed(types.value(expr));
        }
        if found == Value::Unknown {
            found = self.own(expr, scope, 0);
        }
        self.values.borrow_mut().insert(expr.range(), found.clone());
        found
    }

    fn typed(&self, value: riata_types::Value) -> Value {
        match value {
            riata_types::Value::Unknown => Value::Unknown,
            riata_types::Value::Never => Value::Never,
            riata_types::Value::None => Value::None,
            riata_types::Value::Module(name) => Value::Module(name),
            riata_types::Value::Function(definition) => Value::Function(self.entity(&definition)),
            riata_types::Value::Class(definition) => Value::Class(self.entity(&definition)),
            riata_types::Value::Instance(class) => {
                let dotted = format!("{}.{}", class.module, class.name);
                let name = self.knowledge().canonical(&dotted).into_owned();
                Value::Instance(Entity { name, def: None })
            }
            riata_types::Value::Union(values) => {
                Value::Union(values.into_iter().map(|value| self.typed(value)).collect())
            }
        }
    }

    fn entity(&self, definition: &Definition) -> Entity {
        Entity {
            name: self
                .knowledge()
                .canonical(&definition.dotted())
                .into_owned(),
            def: Some(self.program().def(definition)),
        }
    }

    /// Whether awaiting an expression's value makes sense, and what it would be lost as.
    pub(crate) fn awaitable(&self, expr: &Expr, scope: ScopeId) -> Awaitable {
        match self.awaitable_value(&self.value(expr, scope)) {
            Awaitable::Unknown => {}
            found => return found,
        }
        let Expr::Call(call) = expr else {
            return Awaitable::Unknown;
        };
        if self.may_be_unknown(&call.func, scope) {
            return Awaitable::Unknown;
        }
        let callees = self.callees(call, scope);
        let mut found: Option<Awaitable> = None;
        for callee in &*callees {
            let this = self.awaitable_callee(callee);
            if found.as_ref().is_some_and(|found| *found != this) {
                return Awaitable::Unknown;
            }
            found = Some(this);
        }
        found.unwrap_or(Awaitable::Unknown)
    }

    /// Whether an expression is one of several things of which not all are known: `getattr(self, name, self.default)`.
    pub(crate) fn may_be_unknown(&self, expr: &Expr, scope: ScopeId) -> bool {
        match self.value(expr, scope) {
            Value::Union(values) => values.contains(&Value::Unknown),
            _ => false,
        }
    }

    fn awaitable_callee(&self, callee: &Callee) -> Awaitable {
        if let Some(returned) = self
            .knowledge()
            .facts(&callee.name)
            .and_then(|facts| facts.returned)
        {
            return match returned {
                Returned::Coroutine => Awaitable::Coroutine,
                Returned::Future => Awaitable::Future,
                Returned::Task => Awaitable::Task,
                Returned::Awaitable => Awaitable::Other,
            };
        }
        if callee.is_class {
            return Awaitable::Unknown;
        }
        match callee.def.and_then(|def| self.worker.function(def)) {
            // A decorator may turn it into anything.
            Some(function) if function.gives_coroutine() => Awaitable::Coroutine,
            _ => Awaitable::Unknown,
        }
    }

    fn awaitable_value(&self, value: &Value) -> Awaitable {
        match value {
            Value::Unknown | Value::Named(_) | Value::Never => Awaitable::Unknown,
            Value::None | Value::Module(_) | Value::Function(_) | Value::Class(_) => Awaitable::No,
            Value::Instance(class) => match class.name.as_str() {
                "types.CoroutineType" | "typing.Coroutine" | "collections.abc.Coroutine" => {
                    Awaitable::Coroutine
                }
                "asyncio.Task" => Awaitable::Task,
                "asyncio.Future" => Awaitable::Future,
                "typing.Awaitable" | "collections.abc.Awaitable" | "typing.Generator" => {
                    Awaitable::Other
                }
                name if is_plain_class(name) => Awaitable::No,
                _ => Awaitable::Unknown,
            },
            Value::Union(values) => {
                let mut found: Option<Awaitable> = None;
                for value in values {
                    let this = self.awaitable_value(value);
                    if found.as_ref().is_some_and(|found| *found != this) {
                        return Awaitable::Unknown;
                    }
                    found = Some(this);
                }
                found.unwrap_or(Awaitable::Unknown)
            }
        }
    }

    // By names alone.

    /// Whether this is a file of tests, by its name.
    pub(crate) fn is_test_module(&self) -> bool {
        let name = last(&self.text().name);
        name.starts_with("test_") || name.ends_with("_test") || name == "conftest"
    }

    /// The full name that an expression made of names and dots stands for, by imports: `asyncio.sleep`.
    pub(crate) fn dotted(&self, expr: &Expr, scope: ScopeId) -> Option<String> {
        self.dotted_from(expr, scope, 0)
    }

    /// The same, for what is asked on the way to something else: names may go round in circles.
    fn dotted_from(&self, expr: &Expr, scope: ScopeId, depth: usize) -> Option<String> {
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

    fn own(&self, expr: &Expr, scope: ScopeId, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return Value::Unknown;
        }
        match expr {
            Expr::Name(name) => self.own_name(name, scope, depth),
            Expr::Attribute(attribute) => {
                let object = self.own(&attribute.value, scope, depth + 1);
                self.own_attribute(&object, attribute.attr.as_str(), depth)
            }
            Expr::Call(call) => self.own_call(call, scope, depth),
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

    fn either(&self, one: Value, other: Value) -> Value {
        match (one, other) {
            (one, other) if one == other => one,
            // `x = x or default`, `None if … else value`: what is known of the other is what matters.
            (Value::None | Value::Unknown, known) | (known, Value::None | Value::Unknown) => known,
            (one, other) => Value::Union(vec![one, other]),
        }
    }

    fn own_name(&self, name: &ast::ExprName, scope: ScopeId, depth: usize) -> Value {
        let Some((found_in, bindings)) = self.names().lookup(name.id.as_str(), scope) else {
            return Value::Function(Entity {
                name: format!("builtins.{}", name.id),
                def: None,
            });
        };
        // The one that was bound last before it is read, by the order of the text: right but for loops.
        let same_scope = self.names().enclosing_function(scope).map(|(id, _)| id)
            == self.names().enclosing_function(found_in).map(|(id, _)| id);
        if same_scope && bindings.len() > 1 {
            let last = bindings
                .iter()
                .filter(|binding| start_of(binding).is_some_and(|start| start < name.start()))
                .max_by_key(|binding| start_of(binding));
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

    fn own_binding(
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
                match (self.own(value, scope, depth + 1), is_async) {
                    (found @ Value::Instance(_), _) => found,
                    (_, true) => match value {
                        Expr::Call(call) => self.own_awaited(call, scope, depth + 1),
                        _ => Value::Unknown,
                    },
                    _ => Value::Unknown,
                }
            }
            Binding::Item { .. } | Binding::Exception | Binding::Other => Value::Unknown,
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

    fn full_name(&self, scope: ScopeId, name: &str) -> String {
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
    fn member(&self, module: &str, name: &str, depth: usize) -> Value {
        let dotted = format!("{module}.{name}");
        if depth > MAX_DEPTH {
            return Value::Unknown;
        }
        if let Some(file) = self.worker.find_module(module)
            && let Some(found) = self.worker.module(file)
        {
            let inner = Context::new(self.worker, &found);
            let bindings = found.names().bindings(name, ScopeId::MODULE);
            if let Some(binding) = bindings.last() {
                return inner.own_binding(binding, ScopeId::MODULE, name, depth + 1);
            }
            if self.worker.find_module(&dotted).is_some() {
                return Value::Module(dotted);
            }
            return Value::Named(self.knowledge().canonical(&dotted).into_owned());
        }
        Value::Named(self.knowledge().canonical(&dotted).into_owned())
    }

    fn own_attribute(&self, object: &Value, name: &str, depth: usize) -> Value {
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
            Value::Named(owner) => Value::Named(format!("{owner}.{name}")),
            Value::Class(class) | Value::Instance(class) => self.class_member(class, name, depth),
            Value::Union(values) => values
                .iter()
                .map(|value| self.own_attribute(value, name, depth + 1))
                .reduce(|one, other| self.either(one, other))
                .unwrap_or(Value::Unknown),
            _ => Value::Unknown,
        }
    }

    fn class_member(&self, class: &Entity, name: &str, depth: usize) -> Value {
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

    /// Look into the module that a definition is in, this one or another.
    pub(crate) fn in_module_of<T>(&self, def: Def, look: impl FnOnce(&Context<'_>) -> T) -> T {
        let is_other = self.def_at(def.start).file != def.file;
        match is_other.then(|| self.worker.module(def.file)).flatten() {
            Some(module) => look(&Context::new(self.worker, &module)),
            None => look(self),
        }
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
        let mut found: Option<Value> = None;
        for attribute in self.names().attribute(scope, name) {
            let this = match attribute.annotation {
                Some(annotation) => self.annotated(annotation, attribute.scope, depth + 1),
                None => attribute.value.map_or(Value::Unknown, |value| {
                    self.own(value, attribute.scope, depth + 1)
                }),
            };
            found = Some(match found {
                Some(one) => self.either(one, this),
                None => this,
            });
        }
        if let Some(found) = found {
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

    /// What reading a property gives: by its annotation, or by what its only statement returns.
    fn property(&self, function: &ast::StmtFunctionDef, scope: ScopeId, depth: usize) -> Value {
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

    fn own_call(&self, call: &ast::ExprCall, scope: ScopeId, depth: usize) -> Value {
        match self.own(&call.func, scope, depth + 1) {
            Value::Class(class) => Value::Instance(class),
            Value::Named(name) => self.instance_by_name(&name),
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
                    } else if found.is_async && !crate::functions::is_generator(found) {
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

    /// What awaiting a call gives.
    fn own_awaited(&self, call: &ast::ExprCall, scope: ScopeId, depth: usize) -> Value {
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
    fn returned(
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
            match &function.returns {
                Some(annotation) if !crate::functions::is_generator(function) => {
                    context.annotated(annotation, scope, depth + 1)
                }
                _ => Value::Unknown,
            }
        })
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

    /// An instance of what an annotation names.
    fn annotated(&self, annotation: &Expr, scope: ScopeId, depth: usize) -> Value {
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

fn builtin(name: &str) -> Value {
    Value::Instance(Entity {
        name: format!("builtins.{name}"),
        def: None,
    })
}

/// Classes whose instances certainly cannot be awaited.
fn is_plain_class(name: &str) -> bool {
    matches!(
        name,
        "builtins.str"
            | "builtins.bytes"
            | "builtins.int"
            | "builtins.float"
            | "builtins.bool"
            | "builtins.list"
            | "builtins.dict"
            | "builtins.set"
            | "builtins.tuple"
            | "builtins.frozenset"
            | "builtins.bytearray"
    )
}

pub(crate) fn last(dotted: &str) -> &str {
    dotted.rsplit('.').next().unwrap_or(dotted)
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

/// Where a binding stands in the text, when it has one place.
fn start_of(binding: &Binding<'_>) -> Option<ruff_text_size::TextSize> {
    Some(match binding {
        Binding::Import { alias } | Binding::ImportFrom { alias, .. } => alias.start(),
        Binding::Function(function) => function.start(),
        Binding::Class(class) => class.start(),
        Binding::Value(value) | Binding::With { value, .. } => value.start(),
        Binding::Item { iterable } => iterable.start(),
        Binding::Annotated { annotation, .. } => annotation.start(),
        Binding::Parameter(parameter) => parameter.start(),
        Binding::Exception | Binding::Other => return None,
    })
}

/// The module of a `from … import`, with the dots of a relative one resolved.
pub(crate) fn absolute_module(text: &Text, statement: &ast::StmtImportFrom) -> String {
    let module = statement
        .module
        .as_ref()
        .map_or("", |module| module.as_str());
    if statement.level == 0 {
        return module.to_owned();
    }
    let mut parts: Vec<&str> = text.name.split('.').collect();
    let up = statement.level as usize - usize::from(text.is_package);
    parts.truncate(parts.len().saturating_sub(up));
    if !module.is_empty() {
        parts.push(module);
    }
    parts.join(".")
}
