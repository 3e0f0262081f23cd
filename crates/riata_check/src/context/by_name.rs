//! What expressions mean by names, assignments, annotations and the knowledge base alone. Types are not asked here.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use super::{Assigned, Context, Entity, MAX_DEPTH, Value, absolute_module, last};
use crate::functions::{LAMBDA, Returned, is_generator};
use crate::knowledge::{Returned as Gives, is_class_name};
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

    fn own_name(&self, name: &ast::ExprName, scope: ScopeId, depth: usize) -> Value {
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
    fn own_item(&self, object: &Value) -> Value {
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

    /// What a call gives before it is awaited, where the knowledge base has the name as async.
    fn unawaited(&self, name: &str) -> Option<Value> {
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

    fn instance_of_returned(&self, name: &str) -> Value {
        let class = self.knowledge().returned_class(name);
        class.map_or(Value::Unknown, |class| {
            Value::Instance(Entity {
                name: class.to_owned(),
                def: None,
            })
        })
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

    fn own_call(&self, call: &ast::ExprCall, scope: ScopeId, depth: usize) -> Value {
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

/// The members of a union, or the one value.
fn flat(value: Value) -> Vec<Value> {
    match value {
        Value::Union(values) => values,
        value => vec![value],
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
