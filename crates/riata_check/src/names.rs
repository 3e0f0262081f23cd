//! Which binding a name stands for, by Python's scoping rules alone.
//!
//! One pass over a tree. It knows every place that binds a name, not the order in which they run: a name with two
//! bindings may be either. Types know better; this answers where they are silent (a package that is not installed) or off.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ScopeId(u32);

impl ScopeId {
    pub(crate) const MODULE: Self = Self(0);
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ScopeNode<'a> {
    Module,
    Function(&'a ast::StmtFunctionDef),
    Class(&'a ast::StmtClassDef),
    Lambda,
    Comprehension,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Binding<'a> {
    /// `import a.b` (the name is `a`), `import a.b as c`.
    Import { alias: &'a ast::Alias },
    /// `from module import name as alias`; `module` is absolute.
    ImportFrom { statement: &'a ast::StmtImportFrom, alias: &'a ast::Alias },
    Function(&'a ast::StmtFunctionDef),
    Class(&'a ast::StmtClassDef),
    /// `name = value`.
    Value(&'a Expr),
    /// `name: annotation = value`.
    Annotated { annotation: &'a Expr, value: Option<&'a Expr> },
    Parameter(&'a ast::Parameter),
    /// `with value as name`.
    With { value: &'a Expr, is_async: bool },
    /// `for name in iterable`.
    Item { iterable: &'a Expr },
    /// `except … as name`.
    Exception,
    /// One of the names on the left of an unpacking, a pattern, `del`, an augmented assignment.
    Other,
}

#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) node: ScopeNode<'a>,
    pub(crate) parent: Option<ScopeId>,
    bindings: FxHashMap<&'a str, Vec<Binding<'a>>>,
    globals: FxHashSet<&'a str>,
    nonlocals: FxHashSet<&'a str>,
}

/// What is assigned to an attribute of a class's instances, in its methods or its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttributeValue<'a> {
    pub(crate) value: Option<&'a Expr>,
    pub(crate) annotation: Option<&'a Expr>,
    /// The scope that both are evaluated in.
    pub(crate) scope: ScopeId,
}

#[derive(Debug)]
pub(crate) struct Names<'a> {
    scopes: Vec<Scope<'a>>,
    /// The scope that a function, class, lambda or comprehension makes, by the start of its name or of itself.
    made: FxHashMap<(TextSize, Kind), ScopeId>,
    attributes: FxHashMap<ScopeId, FxHashMap<&'a str, Vec<AttributeValue<'a>>>>,
    /// Every function and class with the scope it is defined in, in the order of the text.
    pub(crate) functions: Vec<(&'a ast::StmtFunctionDef, ScopeId)>,
    pub(crate) classes: Vec<(&'a ast::StmtClassDef, ScopeId)>,
    /// Modules that are imported anywhere, as written, without the dots of relative ones.
    pub(crate) imports: FxHashSet<&'a str>,
    /// Functions in which types are not asked for: see `is_branchy`.
    branchy: Vec<TextRange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Named,
    Lambda,
    Comprehension,
}

impl<'a> Names<'a> {
    pub(crate) fn new(body: &'a [Stmt]) -> Self {
        let mut builder = Builder {
            names: Self {
                scopes: vec![Scope::new(ScopeNode::Module, None)],
                made: FxHashMap::default(),
                attributes: FxHashMap::default(),
                functions: Vec::new(),
                classes: Vec::new(),
                imports: FxHashSet::default(),
                branchy: Vec::new(),
            },
            current: ScopeId::MODULE,
        };
        builder.visit_body(body);
        builder.names
    }

    pub(crate) fn scope(&self, id: ScopeId) -> &Scope<'a> {
        &self.scopes[id.0 as usize]
    }

    pub(crate) fn of_function(&self, function: &ast::StmtFunctionDef) -> Option<ScopeId> {
        self.made.get(&(function.name.start(), Kind::Named)).copied()
    }

    pub(crate) fn of_class(&self, class: &ast::StmtClassDef) -> Option<ScopeId> {
        self.made.get(&(class.name.start(), Kind::Named)).copied()
    }

    /// The function whose name starts at a place: itself, its own scope, and the one that it is defined in.
    pub(crate) fn function_at(
        &self,
        start: TextSize,
    ) -> Option<(&'a ast::StmtFunctionDef, ScopeId, ScopeId)> {
        let own = *self.made.get(&(start, Kind::Named))?;
        let scope = self.scope(own);
        match scope.node {
            ScopeNode::Function(function) => Some((function, own, scope.parent?)),
            _ => None,
        }
    }

    /// The same for a class.
    pub(crate) fn class_at(
        &self,
        start: TextSize,
    ) -> Option<(&'a ast::StmtClassDef, ScopeId, ScopeId)> {
        let own = *self.made.get(&(start, Kind::Named))?;
        let scope = self.scope(own);
        match scope.node {
            ScopeNode::Class(class) => Some((class, own, scope.parent?)),
            _ => None,
        }
    }

    pub(crate) fn of_lambda(&self, lambda: &ast::ExprLambda) -> Option<ScopeId> {
        self.made.get(&(lambda.start(), Kind::Lambda)).copied()
    }

    pub(crate) fn of_comprehension(&self, comprehension: &Expr) -> Option<ScopeId> {
        self.made.get(&(comprehension.start(), Kind::Comprehension)).copied()
    }

    /// The scope that a name is bound in when it is read in `scope`, and its bindings there.
    pub(crate) fn lookup(&self, name: &str, scope: ScopeId) -> Option<(ScopeId, &[Binding<'a>])> {
        let mut id = scope;
        let mut first = true;
        loop {
            let here = self.scope(id);
            if here.globals.contains(name) {
                id = ScopeId::MODULE;
                let found = self.scope(id).bindings.get(name)?;
                return Some((id, found));
            }
            // Names of a class's body are not seen by the functions in it.
            if (first || !matches!(here.node, ScopeNode::Class(_)))
                && !here.nonlocals.contains(name)
                && let Some(found) = here.bindings.get(name)
            {
                return Some((id, found));
            }
            // A comprehension in a class's body sees them, for its first iterable at least.
            first = first && matches!(here.node, ScopeNode::Comprehension);
            id = here.parent?;
        }
    }

    /// What binds a name in this very scope.
    pub(crate) fn bindings(&self, name: &str, scope: ScopeId) -> &[Binding<'a>] {
        self.scope(scope).bindings.get(name).map_or(&[], |found| found.as_slice())
    }

    /// Every binding of a scope.
    pub(crate) fn all_bindings(
        &self,
        scope: ScopeId,
    ) -> impl Iterator<Item = (&'a str, &[Binding<'a>])> {
        self.scope(scope).bindings.iter().map(|(name, found)| (*name, found.as_slice()))
    }

    /// What is assigned to `self.name` in the class that made `class`.
    pub(crate) fn attribute(&self, class: ScopeId, name: &str) -> &[AttributeValue<'a>] {
        self.attributes.get(&class).and_then(|all| all.get(name)).map_or(&[], |found| found.as_slice())
    }

    /// The class whose body a scope lies in most closely, through functions.
    pub(crate) fn enclosing_class(&self, scope: ScopeId) -> Option<(ScopeId, &'a ast::StmtClassDef)> {
        let mut id = Some(scope);
        while let Some(here) = id {
            let found = self.scope(here);
            if let ScopeNode::Class(class) = found.node {
                return Some((here, class));
            }
            id = found.parent;
        }
        None
    }

    /// The function that a scope belongs to, through comprehensions but not through lambdas.
    pub(crate) fn enclosing_function(
        &self,
        scope: ScopeId,
    ) -> Option<(ScopeId, &'a ast::StmtFunctionDef)> {
        let mut id = Some(scope);
        while let Some(here) = id {
            let found = self.scope(here);
            match found.node {
                ScopeNode::Function(function) => return Some((here, function)),
                ScopeNode::Comprehension => id = found.parent,
                _ => return None,
            }
        }
        None
    }

    /// Whether a place lies in a function that takes the inference of types too long.
    pub(crate) fn is_branchy(&self, at: TextRange) -> bool {
        self.branchy.iter().any(|range| range.contains_range(at))
    }

    /// The names of the enclosing classes and functions, outermost first.
    pub(crate) fn qualname(&self, scope: ScopeId, name: &str) -> String {
        let mut parts: Vec<&str> = vec![name];
        let mut id = Some(scope);
        while let Some(here) = id {
            let found = self.scope(here);
            match found.node {
                ScopeNode::Function(function) => parts.push(function.name.as_str()),
                ScopeNode::Class(class) => parts.push(class.name.as_str()),
                _ => {}
            }
            id = found.parent;
        }
        parts.reverse();
        parts.join(".")
    }
}

impl<'a> Scope<'a> {
    fn new(node: ScopeNode<'a>, parent: Option<ScopeId>) -> Self {
        Self {
            node,
            parent,
            bindings: FxHashMap::default(),
            globals: FxHashSet::default(),
            nonlocals: FxHashSet::default(),
        }
    }
}

struct Builder<'a> {
    names: Names<'a>,
    current: ScopeId,
}

impl<'a> Builder<'a> {
    fn bind(&mut self, name: &'a str, binding: Binding<'a>) {
        self.bind_in(self.current, name, binding);
    }

    fn bind_in(&mut self, scope: ScopeId, name: &'a str, binding: Binding<'a>) {
        let mut scope = scope;
        if self.names.scope(scope).globals.contains(name) {
            scope = ScopeId::MODULE;
        } else {
            while self.names.scope(scope).nonlocals.contains(name) {
                let Some(parent) = self.names.scope(scope).parent else { break };
                scope = parent;
            }
        }
        self.names.scopes[scope.0 as usize].bindings.entry(name).or_default().push(binding);
    }

    fn enter(&mut self, node: ScopeNode<'a>, key: (TextSize, Kind)) -> ScopeId {
        let id = ScopeId(u32::try_from(self.names.scopes.len()).unwrap_or(u32::MAX));
        self.names.scopes.push(Scope::new(node, Some(self.current)));
        self.names.made.insert(key, id);
        std::mem::replace(&mut self.current, id)
    }

    /// Bind the names on the left of an assignment. `binding` is for a plain name.
    fn target(&mut self, target: &'a Expr, binding: Binding<'a>) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), binding),
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                for element in elts {
                    self.target(element, Binding::Other);
                }
            }
            Expr::Starred(starred) => self.target(&starred.value, Binding::Other),
            Expr::Attribute(attribute) => {
                if let Expr::Name(owner) = &*attribute.value {
                    let (value, annotation) = match binding {
                        Binding::Value(value) => (Some(value), None),
                        Binding::Annotated { annotation, value } => (value, Some(annotation)),
                        _ => (None, None),
                    };
                    self.attribute(owner.id.as_str(), attribute.attr.as_str(), value, annotation);
                }
            }
            _ => {}
        }
    }

    /// `self.name = value` in a method.
    fn attribute(
        &mut self,
        owner: &str,
        name: &'a str,
        value: Option<&'a Expr>,
        annotation: Option<&'a Expr>,
    ) {
        let mut id = self.current;
        loop {
            let scope = self.names.scope(id);
            if let (ScopeNode::Function(function), Some(parent)) = (scope.node, scope.parent)
                && matches!(self.names.scope(parent).node, ScopeNode::Class(_))
            {
                if first_parameter(function) == Some(owner) {
                    let found = AttributeValue { value, annotation, scope: self.current };
                    let all = self.names.attributes.entry(parent).or_default();
                    all.entry(name).or_default().push(found);
                }
                return;
            }
            match scope.parent {
                Some(parent) => id = parent,
                None => return,
            }
        }
    }

    fn function(&mut self, function: &'a ast::StmtFunctionDef) {
        for decorator in &function.decorator_list {
            self.visit_decorator(decorator);
        }
        for parameter in &*function.parameters {
            if let Some(default) = parameter.default() {
                self.visit_expr(default);
            }
            if let Some(annotation) = parameter.annotation() {
                self.visit_expr(annotation);
            }
        }
        if let Some(returns) = &function.returns {
            self.visit_expr(returns);
        }
        self.names.functions.push((function, self.current));
        self.bind(function.name.as_str(), Binding::Function(function));
        let outer =
            self.enter(ScopeNode::Function(function), (function.name.start(), Kind::Named));
        self.declared(&function.body);
        for parameter in &*function.parameters {
            self.bind(parameter.name().as_str(), Binding::Parameter(parameter.as_parameter()));
        }
        self.visit_body(&function.body);
        self.current = outer;
    }

    /// `global` and `nonlocal` hold for the whole function, wherever they stand.
    fn declared(&mut self, body: &'a [Stmt]) {
        let mut found = Declared::default();
        found.visit_body(body);
        let scope = &mut self.names.scopes[self.current.0 as usize];
        scope.globals = found.globals;
        scope.nonlocals = found.nonlocals;
    }

    fn class(&mut self, class: &'a ast::StmtClassDef) {
        for decorator in &class.decorator_list {
            self.visit_decorator(decorator);
        }
        if let Some(arguments) = &class.arguments {
            self.visit_arguments(arguments);
        }
        self.names.classes.push((class, self.current));
        self.bind(class.name.as_str(), Binding::Class(class));
        let outer = self.enter(ScopeNode::Class(class), (class.name.start(), Kind::Named));
        self.visit_body(&class.body);
        self.current = outer;
    }

    fn comprehension(
        &mut self,
        whole: &'a Expr,
        elements: &[&'a Expr],
        generators: &'a [ast::Comprehension],
    ) {
        let Some(first) = generators.first() else { return };
        // The first iterable is evaluated outside.
        self.visit_expr(&first.iter);
        let outer = self.enter(ScopeNode::Comprehension, (whole.start(), Kind::Comprehension));
        for (index, generator) in generators.iter().enumerate() {
            if index > 0 {
                self.visit_expr(&generator.iter);
            }
            let item = Binding::Item { iterable: &generator.iter };
            self.target(&generator.target, item);
            for condition in &generator.ifs {
                self.visit_expr(condition);
            }
        }
        for element in elements {
            self.visit_expr(element);
        }
        self.current = outer;
    }

    /// Where `:=` binds: outside of comprehensions.
    fn walrus_scope(&self) -> ScopeId {
        let mut id = self.current;
        while let Scope { node: ScopeNode::Comprehension, parent: Some(parent), .. } =
            self.names.scope(id)
        {
            id = *parent;
        }
        id
    }
}

impl<'a> Visitor<'a> for Builder<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => return self.function(function),
            Stmt::ClassDef(class) => return self.class(class),
            Stmt::Import(import) => {
                for alias in &import.names {
                    let dotted = alias.name.as_str();
                    self.names.imports.insert(dotted);
                    let name = match &alias.asname {
                        Some(name) => name.as_str(),
                        None => dotted.split('.').next().unwrap_or(dotted),
                    };
                    self.bind(name, Binding::Import { alias });
                }
            }
            Stmt::ImportFrom(import) => {
                if let Some(module) = &import.module {
                    self.names.imports.insert(module.as_str());
                }
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    self.bind(name, Binding::ImportFrom { statement: import, alias });
                }
            }
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    self.target(target, Binding::Value(&assign.value));
                }
            }
            Stmt::AnnAssign(assign) => {
                let binding = Binding::Annotated {
                    annotation: &assign.annotation,
                    value: assign.value.as_deref(),
                };
                self.target(&assign.target, binding);
            }
            Stmt::AugAssign(assign) => self.target(&assign.target, Binding::Other),
            Stmt::For(each) => {
                let item = Binding::Item { iterable: &each.iter };
                self.target(&each.target, item);
            }
            Stmt::With(with) => {
                for item in &with.items {
                    if let Some(target) = &item.optional_vars {
                        let value = &item.context_expr;
                        self.target(target, Binding::With { value, is_async: with.is_async });
                    }
                }
            }
            Stmt::If(branch) if is_branchy(branch) => {
                let mut id = self.current;
                while let Scope { node, parent: Some(parent), .. } = self.names.scope(id) {
                    if let ScopeNode::Function(function) = node {
                        self.names.branchy.push(function.range());
                        break;
                    }
                    id = *parent;
                }
            }
            Stmt::Delete(delete) => {
                for target in &delete.targets {
                    self.target(target, Binding::Other);
                }
            }
            _ => {}
        }
        visitor::walk_stmt(self, stmt);
    }

    fn visit_except_handler(&mut self, handler: &'a ast::ExceptHandler) {
        let ast::ExceptHandler::ExceptHandler(found) = handler;
        if let Some(name) = &found.name {
            self.bind(name.as_str(), Binding::Exception);
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a ast::Pattern) {
        let name = match pattern {
            ast::Pattern::MatchAs(found) => found.name.as_ref(),
            ast::Pattern::MatchStar(found) => found.name.as_ref(),
            ast::Pattern::MatchMapping(found) => found.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.bind(name.as_str(), Binding::Other);
        }
        visitor::walk_pattern(self, pattern);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Named(named) => {
                if let Expr::Name(name) = &*named.target {
                    let scope = self.walrus_scope();
                    self.bind_in(scope, name.id.as_str(), Binding::Value(&named.value));
                }
            }
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    for parameter in &**parameters {
                        if let Some(default) = parameter.default() {
                            self.visit_expr(default);
                        }
                    }
                }
                let outer = self.enter(ScopeNode::Lambda, (lambda.start(), Kind::Lambda));
                if let Some(parameters) = &lambda.parameters {
                    for parameter in &**parameters {
                        let binding = Binding::Parameter(parameter.as_parameter());
                        self.bind(parameter.name().as_str(), binding);
                    }
                }
                self.visit_expr(&lambda.body);
                self.current = outer;
                return;
            }
            Expr::ListComp(found) => {
                return self.comprehension(expr, &[&found.elt], &found.generators);
            }
            Expr::SetComp(found) => {
                return self.comprehension(expr, &[&found.elt], &found.generators);
            }
            Expr::Generator(found) => {
                return self.comprehension(expr, &[&found.elt], &found.generators);
            }
            Expr::DictComp(found) => {
                let elements: SmallVec<[&Expr; 2]> =
                    found.key.iter().map(|key| &**key).chain([&*found.value]).collect();
                return self.comprehension(expr, &elements, &found.generators);
            }
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }
}

/// A long chain of `elif a and b`. Narrowing types through it takes time that doubles with each branch or two: minutes for
/// one function of litellm, with the release of ty that is pinned.
fn is_branchy(branch: &ast::StmtIf) -> bool {
    const MAX_BRANCHES: usize = 9;
    let joined = branch
        .elif_else_clauses
        .iter()
        .filter(|clause| clause.test.as_ref().is_some_and(|test| test.is_bool_op_expr()))
        .count();
    joined > MAX_BRANCHES
}

#[derive(Default)]
struct Declared<'a> {
    globals: FxHashSet<&'a str>,
    nonlocals: FxHashSet<&'a str>,
}

impl<'a> Visitor<'a> for Declared<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Global(global) => self.globals.extend(global.names.iter().map(|name| name.as_str())),
            Stmt::Nonlocal(nonlocal) => {
                self.nonlocals.extend(nonlocal.names.iter().map(|name| name.as_str()));
            }
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

/// `self` of a method, whatever it is called.
pub(crate) fn first_parameter(function: &ast::StmtFunctionDef) -> Option<&str> {
    function
        .parameters
        .posonlyargs
        .first()
        .or_else(|| function.parameters.args.first())
        .map(|parameter| parameter.parameter.name.as_str())
}
