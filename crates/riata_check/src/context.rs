//! One module under analysis: what its expressions mean.
//!
//! Types are asked first. Where they know nothing (the package is not installed, or types are off), names, assignments and
//! the knowledge base answer.

mod annotated;
mod by_name;
mod calls;
mod items;
mod members;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use riata_types::{Definition, DefinitionKind, ModuleTypes};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashMap;

use crate::blocking::Run;
use crate::flow::Flow;
use crate::knowledge::{Facts, Knowledge, Returned, is_class_name};
use crate::names::{Names, ScopeId, ScopeNode};
use crate::program::{Def, Program, Worker};
use crate::source::{Module, Text};

/// A function or class by its full public name, with where it is defined when that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entity {
    pub(crate) name: String,
    pub(crate) def: Option<Def>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Value {
    #[default]
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

impl Callee {
    /// Where it is a function of the project.
    pub(crate) fn own_function(&self, program: &Program) -> Option<Def> {
        self.def
            .filter(|def| !self.is_class && program.is_first_party(def.file))
    }
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

const MAX_DEPTH: usize = 24;

pub(crate) struct Context<'a> {
    pub(crate) worker: &'a Worker<'a>,
    pub(crate) module: &'a Module,
    pub(crate) types: Option<ModuleTypes<'a>>,
    callees: RefCell<FxHashMap<TextRange, Rc<[Callee]>>>,
    values: RefCell<FxHashMap<TextRange, Value>>,
    assigned: RefCell<Assigned>,
    /// Whether the module's code runs under anyio or trio: see `rules::await_in_finally`.
    pub(crate) runs_in_scopes: OnceCell<bool>,
    flows: RefCell<FxHashMap<ScopeId, Rc<Flow<'a>>>>,
    /// What calls and attribute reads run: see `blocking`.
    pub(crate) runs: RefCell<FxHashMap<TextRange, KnownRuns>>,
}

/// What is assigned to attributes, by class and name.
type Assigned = FxHashMap<ScopeId, FxHashMap<String, Value>>;
type KnownRuns = Rc<[(TextRange, Run)]>;

impl<'a> Context<'a> {
    pub(crate) fn new(worker: &'a Worker<'a>, module: &'a Module) -> Self {
        let types = worker
            .types
            .as_ref()
            .filter(|_| module.text().is_typed())
            .and_then(|types| types.open_origin(&module.text().origin));
        Self {
            worker,
            module,
            types,
            callees: RefCell::default(),
            values: RefCell::default(),
            assigned: RefCell::default(),
            runs_in_scopes: OnceCell::new(),
            flows: RefCell::default(),
            runs: RefCell::default(),
        }
    }

    pub(crate) fn text(&self) -> &'a Text {
        self.module.text()
    }

    /// Whether this is a file of tests, by its name.
    pub(crate) fn is_test_module(&self) -> bool {
        let name = last(&self.text().name);
        name.starts_with("test_") || name.ends_with("_test") || name == "conftest"
    }

    pub(crate) fn names(&self) -> &'a Names<'a> {
        self.module.names()
    }

    /// The oldest Python that the file under check runs on, as (3, minor).
    pub(crate) fn python_version(&self) -> (u8, u8) {
        let path = self.text().path();
        self.program().settings.python_version_of(&path)
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

    /// The steps of a function, by its own scope. Several rules ask for the same.
    pub(crate) fn flow(&self, function: ScopeId) -> Rc<Flow<'a>> {
        if let Some(found) = self.flows.borrow().get(&function) {
            return Rc::clone(found);
        }
        let names = self.names();
        let body: &[Stmt] = match names.scope(function).node {
            ScopeNode::Function(function) => &function.body,
            _ => &[],
        };
        let found = Rc::new(Flow::new(names, body, function));
        self.flows.borrow_mut().insert(function, Rc::clone(&found));
        found
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

    /// The same, or else what the call is written as.
    pub(crate) fn name_of(&self, call: &ast::ExprCall, scope: ScopeId) -> Option<String> {
        self.callee_name(call, scope)
            .or_else(|| self.dotted(&call.func, scope))
    }

    /// The one function of the project that a call runs.
    pub(crate) fn called_function(&self, call: &ast::ExprCall, scope: ScopeId) -> Option<Def> {
        let callees = self.callees(call, scope);
        let [callee] = &*callees else { return None };
        callee.own_function(self.program())
    }

    /// The function of the project that an awaited call runs.
    pub(crate) fn awaited_function(&self, call: &ast::ExprCall, scope: ScopeId) -> Option<Def> {
        let def = self.called_function(call, scope)?;
        let function = self.worker.function(def)?;
        (function.is_coroutine() && function.decorators_are_plain()).then_some(def)
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
        let found = self.resolve_known(func, scope);
        if !found.is_empty() {
            return found;
        }
        self.namesake_method(func, scope)
            .or_else(|| method_of_one_class(func))
            .into_iter()
            .collect()
    }

    /// `llm_client.complete` of an object that nothing is known of, where one class of the project is called `LLMClient`.
    fn namesake_method(&self, func: &Expr, scope: ScopeId) -> Option<Callee> {
        let attribute = func.as_attribute_expr()?;
        let name = match &*attribute.value {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(owner) if owner.value.is_name_expr() => owner.attr.as_str(),
            _ => return None,
        };
        // One word may mean anything, and tests have stand-ins.
        let words = name.trim_start_matches('_');
        if !words.contains('_') || self.is_test_module() {
            return None;
        }
        let method = attribute.attr.as_str();
        let class = self
            .worker
            .namesake(&words.replace('_', "").to_ascii_lowercase())?;
        if !class.methods.contains_key(method)
            || self.value(&attribute.value, scope) != Value::Unknown
        {
            return None;
        }
        let origin = riata_types::Origin::Path(class.path.clone());
        let class = Def {
            file: self.program().file(&origin),
            start: class.start.into(),
        };
        let def = self.method(class, method)?;
        let function = self.worker.function(def)?;
        (!function.is_property()).then(|| Callee {
            name: function.name.clone(),
            is_class: false,
            def: Some(def),
        })
    }

    fn resolve_known(&self, func: &Expr, scope: ScopeId) -> Vec<Callee> {
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
            Value::Named(name) => vec![self.named_callee(name)],
            Value::Union(values) => values
                .into_iter()
                .filter_map(|value| match value {
                    Value::Function(entity) => Some(self.callee(entity, false)),
                    Value::Class(entity) => Some(self.callee(entity, true)),
                    Value::Named(name) => Some(self.named_callee(name)),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    fn named_callee(&self, name: String) -> Callee {
        let is_class = self.knowledge().is_class(&name) || is_class_name(last(&name));
        Callee {
            name,
            is_class,
            def: None,
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
            .unwrap_or_else(|| {
                self.public_name(definition)
                    .filter(|_| self.knowledge().facts(&own).is_none())
                    .unwrap_or_else(|| own.into_owned())
            });
        Callee {
            name,
            is_class: definition.kind == DefinitionKind::Class,
            def: Some(self.program().def(definition)),
        }
    }

    /// The name that the knowledge base has for what a package defines in a module of its own and shows in one further up:
    /// `sentence_transformers.SentenceTransformer.encode`.
    fn public_name(&self, definition: &Definition) -> Option<String> {
        let module = definition.module.as_str();
        let shown = definition.qualname.split('.').next()?;
        let file = self.program().def(definition).file;
        let mut end = module.rfind('.')?;
        loop {
            let package = &module[..end];
            let name = format!("{package}.{}", definition.qualname);
            if self.knowledge().facts(&name).is_some() {
                let def = match self.member(package, shown, 0) {
                    Value::Class(entity) | Value::Function(entity) => entity.def,
                    _ => None,
                };
                if def.is_some_and(|def| def.file == file) {
                    return Some(name);
                }
            }
            end = package.rfind('.')?;
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
}

/// A method that one class alone has, of an object that nothing is known of.
fn method_of_one_class(func: &Expr) -> Option<Callee> {
    let method = func.as_attribute_expr()?.attr.as_str();
    let class = match method {
        "load_cert_chain" | "load_verify_locations" | "load_default_certs" => "ssl.SSLContext",
        _ => return None,
    };
    Some(Callee {
        name: format!("{class}.{method}"),
        is_class: false,
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
