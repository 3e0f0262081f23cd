//! The pass over a tree that collects its scopes and bindings.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextSize};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::{AttributeValue, Binding, Kind, Names, Scope, ScopeId, ScopeNode, first_parameter};

pub(super) struct Builder<'a> {
    pub(super) names: Names<'a>,
    pub(super) current: ScopeId,
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
                let Some(parent) = self.names.scope(scope).parent else {
                    break;
                };
                scope = parent;
            }
        }
        self.names.scopes[scope.0 as usize]
            .bindings
            .entry(name)
            .or_default()
            .push(binding);
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
                let values = unpacked(elts, binding);
                for (index, element) in elts.iter().enumerate() {
                    let binding = match binding {
                        Binding::Item { iterable } if values.is_none() => {
                            Binding::ItemPart { iterable, index }
                        }
                        _ => values
                            .and_then(|values| values.get(index))
                            .map_or(Binding::Other, Binding::Value),
                    };
                    self.target(element, binding);
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
                    self.attribute(
                        owner.id.as_str(),
                        attribute.attr.as_str(),
                        value,
                        annotation,
                    );
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
                    let found = AttributeValue {
                        value,
                        annotation,
                        scope: self.current,
                    };
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
        let outer = self.enter(
            ScopeNode::Function(function),
            (function.name.start(), Kind::Named),
        );
        self.declared(&function.body);
        for parameter in &*function.parameters {
            self.bind(
                parameter.name().as_str(),
                Binding::Parameter(parameter.as_parameter()),
            );
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
        let Some(first) = generators.first() else {
            return;
        };
        // The first iterable is evaluated outside.
        self.visit_expr(&first.iter);
        let outer = self.enter(
            ScopeNode::Comprehension,
            (whole.start(), Kind::Comprehension),
        );
        for (index, generator) in generators.iter().enumerate() {
            if index > 0 {
                self.visit_expr(&generator.iter);
            }
            let item = Binding::Item {
                iterable: &generator.iter,
            };
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
        while let Scope {
            node: ScopeNode::Comprehension,
            parent: Some(parent),
            ..
        } = self.names.scope(id)
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
                    self.bind(
                        name,
                        Binding::ImportFrom {
                            statement: import,
                            alias,
                        },
                    );
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
                let item = Binding::Item {
                    iterable: &each.iter,
                };
                self.target(&each.target, item);
            }
            Stmt::With(with) => {
                for item in &with.items {
                    if let Some(target) = &item.optional_vars {
                        let value = &item.context_expr;
                        self.target(
                            target,
                            Binding::With {
                                value,
                                is_async: with.is_async,
                            },
                        );
                    }
                }
            }
            Stmt::If(branch) if is_branchy(branch) => {
                let mut id = self.current;
                while let Scope {
                    node,
                    parent: Some(parent),
                    ..
                } = self.names.scope(id)
                {
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
                let outer = self.enter(ScopeNode::Lambda(lambda), (lambda.start(), Kind::Lambda));
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
                let elements: SmallVec<[&Expr; 2]> = found
                    .key
                    .iter()
                    .map(|key| &**key)
                    .chain([&*found.value])
                    .collect();
                return self.comprehension(expr, &elements, &found.generators);
            }
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }
}

/// The values of `a, b = c, d`, one for each name.
fn unpacked<'a>(targets: &[Expr], binding: Binding<'a>) -> Option<&'a [Expr]> {
    let Binding::Value(
        Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }),
    ) = binding
    else {
        return None;
    };
    let is_even =
        elts.len() == targets.len() && !elts.iter().chain(targets).any(Expr::is_starred_expr);
    is_even.then_some(elts)
}

/// A long chain of `elif a and b`. Narrowing types through it takes time that doubles with each branch or two: minutes for
/// one function of litellm, with the release of ty that is pinned.
fn is_branchy(branch: &ast::StmtIf) -> bool {
    const MAX_BRANCHES: usize = 9;
    let joined = branch
        .elif_else_clauses
        .iter()
        .filter(|clause| {
            clause
                .test
                .as_ref()
                .is_some_and(|test| test.is_bool_op_expr())
        })
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
            Stmt::Global(global) => self
                .globals
                .extend(global.names.iter().map(|name| name.as_str())),
            Stmt::Nonlocal(nonlocal) => {
                self.nonlocals
                    .extend(nonlocal.names.iter().map(|name| name.as_str()));
            }
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}
