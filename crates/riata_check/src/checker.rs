//! One walk over a module, in which every rule sees the nodes that it asked for.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, AnyNodeRef, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::blocking::Link;
use crate::context::{Awaitable, Callee, Context, Value};
use crate::diagnostic::{Diagnostic, Fix, Related};
use crate::knowledge::Facts;
use crate::names::{ScopeId, ScopeNode};
use crate::rules::{Hook, Rule};

/// A module under analysis and the place that the walk is at.
pub(crate) struct Checker<'a> {
    pub(crate) context: Context<'a>,
    rules: &'a Hooks,
    /// From the module's statements down to the node at hand, which is the last.
    ancestors: Vec<AnyNodeRef<'a>>,
    scope: ScopeId,
    found: RefCell<Vec<Diagnostic>>,
    /// Rules that panicked: (rule, message).
    pub(crate) panics: RefCell<Vec<(&'static str, String)>>,
}

/// What a rule does with a node of the kind that it asked for.
type Check<Node> = fn(&Checker<'_>, &Node);

/// The rules that are on, by what they want to see.
#[derive(Default)]
pub(crate) struct Hooks {
    calls: Vec<(&'static Rule, Check<ast::ExprCall>)>,
    exprs: Vec<(&'static Rule, Check<Expr>)>,
    stmts: Vec<(&'static Rule, Check<Stmt>)>,
    functions: Vec<(&'static Rule, Check<ast::StmtFunctionDef>)>,
    classes: Vec<(&'static Rule, Check<ast::StmtClassDef>)>,
    modules: Vec<(&'static Rule, Check<[Stmt]>)>,
}

impl Hooks {
    pub(crate) fn new(rules: impl IntoIterator<Item = &'static Rule>) -> Self {
        let mut all = Self::default();
        for rule in rules {
            for hook in rule.hooks {
                match *hook {
                    Hook::Call(check) => all.calls.push((rule, check)),
                    Hook::Expr(check) => all.exprs.push((rule, check)),
                    Hook::Stmt(check) => all.stmts.push((rule, check)),
                    Hook::Function(check) => all.functions.push((rule, check)),
                    Hook::Class(check) => all.classes.push((rule, check)),
                    Hook::Module(check) => all.modules.push((rule, check)),
                }
            }
        }
        all
    }
}

/// A finding in the making.
pub(crate) struct Report {
    pub(crate) rule: &'static Rule,
    pub(crate) range: TextRange,
    pub(crate) message: String,
    pub(crate) related: Vec<Related>,
    pub(crate) notes: Vec<String>,
    pub(crate) help: Option<String>,
    pub(crate) fix: Option<Fix>,
    pub(crate) cause: Option<String>,
}

impl Report {
    pub(crate) fn new(rule: &'static Rule, at: impl Ranged, message: impl Into<String>) -> Self {
        Self {
            rule,
            range: at.range(),
            message: message.into(),
            related: Vec::new(),
            notes: Vec::new(),
            help: None,
            fix: None,
            cause: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// The calls on the way to what is reported, outermost first.
    pub(crate) fn along(mut self, links: &[Link]) -> Self {
        self.related = links
            .iter()
            .map(|link| Related {
                location: link.location.clone(),
                message: format!("calls `{}`", link.callee),
            })
            .collect();
        self
    }

    /// Make one report of all that come to the last of these calls in the project's own code: it is what somebody would change.
    pub(crate) fn caused_by(mut self, links: &[Link]) -> Self {
        self.cause = links.iter().rfind(|link| link.first_party).map(|link| {
            let at = &link.location;
            format!(
                "{}:{}:{}",
                at.path.display(),
                at.start.line,
                at.start.column
            )
        });
        self
    }

    /// Another place of the same file.
    pub(crate) fn related(
        mut self,
        checker: &Checker<'_>,
        at: impl Ranged,
        message: impl Into<String>,
    ) -> Self {
        let location = checker.context.text().location(at.range());
        self.related.push(Related {
            location,
            message: message.into(),
        });
        self
    }
}

impl<'a> Checker<'a> {
    pub(crate) fn new(context: Context<'a>, rules: &'a Hooks) -> Self {
        Self {
            context,
            rules,
            ancestors: Vec::new(),
            scope: ScopeId::MODULE,
            found: RefCell::default(),
            panics: RefCell::default(),
        }
    }

    pub(crate) fn run(&mut self) {
        let body = self.context.text().body();
        self.apply(&self.rules.modules, body);
        self.visit_body(body);
    }

    pub(crate) fn into_found(self) -> Vec<Diagnostic> {
        self.found.into_inner()
    }

    pub(crate) fn report(&self, report: Report) {
        let text = self.context.text();
        self.found.borrow_mut().push(Diagnostic {
            code: report.rule.code.to_owned(),
            name: report.rule.name.to_owned(),
            location: text.location(report.range),
            range: (report.range.start().into(), report.range.end().into()),
            message: report.message,
            related: report.related,
            also: Vec::new(),
            function: self.function_name(),
            notes: report.notes,
            help: report.help,
            fix: report.fix,
            cause: report.cause,
        });
    }

    /// Apply rules to a node. One that panics ends itself for this node, and nothing else.
    fn apply<Node: ?Sized>(&self, checks: &[(&'static Rule, Check<Node>)], node: &Node) {
        let next = Cell::new(0);
        while let Some(left) = checks.get(next.get()..).filter(|left| !left.is_empty()) {
            let ended = catch_unwind(AssertUnwindSafe(|| {
                for (_, check) in left {
                    next.set(next.get() + 1);
                    check(self, node);
                }
            }));
            let Err(panic) = ended else { continue };
            if riata_types::is_cancellation(&*panic) {
                std::panic::resume_unwind(panic);
            }
            if let Some((rule, _)) = checks.get(next.get() - 1) {
                let message = crate::run::panic_message(&*panic);
                self.panics.borrow_mut().push((rule.name, message));
            }
        }
    }

    // Where the walk is.

    /// The nodes around the one at hand, nearest first, without itself.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = AnyNodeRef<'a>> + '_ {
        self.ancestors.iter().rev().skip(1).copied()
    }

    /// Where the node at hand starts.
    pub(crate) fn here(&self) -> Option<ruff_text_size::TextSize> {
        self.ancestors.last().map(|node| node.start())
    }

    pub(crate) fn parent(&self) -> Option<AnyNodeRef<'a>> {
        self.ancestors().next()
    }

    pub(crate) fn scope(&self) -> ScopeId {
        self.scope
    }

    /// The function that the node at hand is run by (not through a lambda).
    pub(crate) fn function(&self) -> Option<&'a ast::StmtFunctionDef> {
        self.context
            .names()
            .enclosing_function(self.scope)
            .map(|(_, function)| function)
    }

    /// The name of that function, after the one of its class.
    fn function_name(&self) -> Option<String> {
        let name = &self.function()?.name;
        Some(match self.class() {
            Some(class) => format!("{}.{name}", class.name),
            None => name.to_string(),
        })
    }

    /// Whether the node at hand is run by an `async def`.
    pub(crate) fn in_async(&self) -> bool {
        self.function().is_some_and(|function| function.is_async)
    }

    /// The class that the function at hand is a method of.
    pub(crate) fn class(&self) -> Option<&'a ast::StmtClassDef> {
        let names = self.context.names();
        let (scope, _) = names.enclosing_function(self.scope)?;
        match names.scope(names.scope(scope).parent?).node {
            ScopeNode::Class(class) => Some(class),
            _ => None,
        }
    }

    // What things mean at this place.

    pub(crate) fn callees(&self, call: &ast::ExprCall) -> std::rc::Rc<[Callee]> {
        self.context.callees(call, self.scope)
    }

    pub(crate) fn callee_name(&self, call: &ast::ExprCall) -> Option<String> {
        self.context.callee_name(call, self.scope)
    }

    pub(crate) fn facts(&self, call: &ast::ExprCall) -> Option<&'a Facts> {
        self.context.facts(call, self.scope)
    }

    pub(crate) fn value(&self, expr: &Expr) -> Value {
        self.context.value(expr, self.scope)
    }

    pub(crate) fn awaitable(&self, expr: &Expr) -> Awaitable {
        self.context.awaitable(expr, self.scope)
    }

    pub(crate) fn dotted(&self, expr: &Expr) -> Option<String> {
        self.context.dotted(expr, self.scope)
    }

    fn within<T>(&mut self, scope: Option<ScopeId>, visit: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.scope;
        self.scope = scope.unwrap_or(outer);
        let result = visit(self);
        self.scope = outer;
        result
    }

    fn comprehension(
        &mut self,
        whole: &'a Expr,
        elements: &[&'a Expr],
        generators: &'a [ast::Comprehension],
    ) {
        if let Some(first) = generators.first() {
            self.visit_expr(&first.iter);
        }
        let scope = self.context.names().of_comprehension(whole);
        self.within(scope, |checker| {
            for (index, generator) in generators.iter().enumerate() {
                checker.visit_expr(&generator.target);
                if index > 0 {
                    checker.visit_expr(&generator.iter);
                }
                for condition in &generator.ifs {
                    checker.visit_expr(condition);
                }
            }
            for element in elements {
                checker.visit_expr(element);
            }
        });
    }

    fn function_def(&mut self, function: &'a ast::StmtFunctionDef) {
        for decorator in &function.decorator_list {
            self.visit_decorator(decorator);
        }
        for parameter in &*function.parameters {
            if let Some(default) = parameter.default() {
                self.visit_expr(default);
            }
        }
        let scope = self.context.names().of_function(function);
        self.within(scope, |checker| {
            checker.apply(&checker.rules.functions, function);
            checker.visit_body(&function.body);
        });
    }

    fn class_def(&mut self, class: &'a ast::StmtClassDef) {
        for decorator in &class.decorator_list {
            self.visit_decorator(decorator);
        }
        if let Some(arguments) = &class.arguments {
            self.visit_arguments(arguments);
        }
        let scope = self.context.names().of_class(class);
        self.within(scope, |checker| {
            checker.apply(&checker.rules.classes, class);
            checker.visit_body(&class.body);
        });
    }
}

impl<'a> Visitor<'a> for Checker<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.ancestors.push(AnyNodeRef::from(stmt));
        self.apply(&self.rules.stmts, stmt);
        match stmt {
            Stmt::FunctionDef(function) => self.function_def(function),
            Stmt::ClassDef(class) => self.class_def(class),
            _ => visitor::walk_stmt(self, stmt),
        }
        self.ancestors.pop();
    }

    // No rule looks into annotations.
    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expr: &'a Expr) {
        self.ancestors.push(AnyNodeRef::from(expr));
        self.apply(&self.rules.exprs, expr);
        match expr {
            Expr::Call(call) => {
                self.apply(&self.rules.calls, call);
                visitor::walk_expr(self, expr);
            }
            Expr::Lambda(lambda) => {
                let scope = self.context.names().of_lambda(lambda);
                self.within(scope, |checker| checker.visit_expr(&lambda.body));
            }
            Expr::ListComp(found) => self.comprehension(expr, &[&found.elt], &found.generators),
            Expr::SetComp(found) => self.comprehension(expr, &[&found.elt], &found.generators),
            Expr::Generator(found) => self.comprehension(expr, &[&found.elt], &found.generators),
            Expr::DictComp(found) => {
                let elements: Vec<&Expr> = found
                    .key
                    .iter()
                    .map(|key| &**key)
                    .chain([&*found.value])
                    .collect();
                self.comprehension(expr, &elements, &found.generators);
            }
            _ => visitor::walk_expr(self, expr),
        }
        self.ancestors.pop();
    }
}
