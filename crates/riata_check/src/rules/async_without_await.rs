use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::context::Value;
use crate::names::ScopeNode;
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds `async def` functions that never wait for anything. Off by default: whether it may be a plain function is known
    /// only to who calls it.
    ///
    /// ## Why is this bad?
    /// Everybody who calls it has to be async as well, for nothing; and who reads it expects other tasks to run in between.
    ///
    /// ## Example
    /// ```python
    /// async def full_name(user):
    ///     return f"{user.first} {user.last}"
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// def full_name(user):
    ///     return f"{user.first} {user.last}"
    /// ```
    ///
    /// ## False alarms known
    /// Functions that other modules pass on as coroutine functions. Not reported: what is decorated, methods that override or may
    /// override others, protocols, abstract methods and stubs, special methods, tests, and functions that are used in the module otherwise
    /// than by a call.
    "RIA1001", "async-without-await", default: false, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let name = function.name.as_str();
    if !function.is_async
        || !function.decorator_list.is_empty()
        || name.starts_with("test")
        || (name.starts_with("__") && name.ends_with("__"))
        || is_stub(&function.body)
    {
        return;
    }
    let mut waits = Waits(false);
    waits.visit_body(&function.body);
    if waits.0 || crate::functions::is_generator(function) {
        return;
    }
    let context = &checker.context;
    let names = context.names();
    let Some(scope) = names.of_function(function) else {
        return;
    };
    let method_of = names
        .scope(scope)
        .parent
        .and_then(|parent| match names.scope(parent).node {
            ScopeNode::Class(class) => Some(class),
            _ => None,
        });
    if let Some(class) = method_of
        && (may_override(checker, class, name) || is_overridden(checker, class, name))
    {
        return;
    }
    if is_passed_on(context.text().body(), name, function.range()) {
        return;
    }
    let message = format!("Async function `{name}` never awaits");
    checker.report(Report::new(&RULE, &function.name, message).help("make it a plain function"));
}

/// Only a docstring, `...`, `pass` or `raise`: somebody else fills it in.
fn is_stub(body: &[Stmt]) -> bool {
    body.iter().all(|stmt| match stmt {
        Stmt::Pass(_) | Stmt::Raise(_) => true,
        Stmt::Expr(found) => matches!(
            *found.value,
            Expr::StringLiteral(_) | Expr::EllipsisLiteral(_)
        ),
        Stmt::Return(found) => found
            .value
            .as_ref()
            .is_none_or(|value| value.is_none_literal_expr()),
        _ => false,
    })
}

struct Waits(bool);

impl<'a> Visitor<'a> for Waits {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => return,
            Stmt::With(with) => self.0 |= with.is_async,
            Stmt::For(each) => self.0 |= each.is_async,
            _ => {}
        }
        visitor::walk_stmt(self, stmt);
    }

    fn visit_comprehension(&mut self, comprehension: &'a ast::Comprehension) {
        self.0 |= comprehension.is_async;
        visitor::walk_comprehension(self, comprehension);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Await(_) => self.0 = true,
            Expr::Lambda(_) => {}
            _ => visitor::walk_expr(self, expr),
        }
    }
}

/// Whether a base has the method, or cannot be read.
fn may_override(checker: &Checker<'_>, class: &ast::StmtClassDef, name: &str) -> bool {
    let context = &checker.context;
    let outer = context
        .names()
        .of_class(class)
        .and_then(|scope| context.names().scope(scope).parent)
        .unwrap_or_else(|| checker.scope());
    class.bases().iter().any(|base| {
        if matches!(
            context.dotted(base, outer).as_deref(),
            Some("abc.ABC" | "builtins.object" | "builtins.Exception" | "typing.NamedTuple")
        ) {
            return false;
        }
        match context.value(base, outer) {
            Value::Class(entity) => match entity.def {
                Some(def) => context.has_method(def, name) != Some(false),
                None => true,
            },
            _ => true,
        }
    })
}

/// Whether a class of the same module that derives from this one has the method as well.
fn is_overridden(checker: &Checker<'_>, class: &ast::StmtClassDef, name: &str) -> bool {
    checker.context.names().classes.iter().any(|(other, _)| {
        other.bases().iter().any(|base| {
            base.as_name_expr()
                .is_some_and(|base| base.id == class.name.id)
        }) && other.body.iter().any(|stmt| {
            stmt.as_function_def_stmt()
                .is_some_and(|function| function.name.as_str() == name)
        })
    })
}

/// Whether a function of this name is mentioned without being called: given as a callback, put into a table.
fn is_passed_on(body: &[Stmt], name: &str, own: TextRange) -> bool {
    let mut called: Vec<TextRange> = Vec::new();
    let mut mentioned: Vec<TextRange> = Vec::new();
    uses::exprs(body, true, &mut |expr| match expr {
        Expr::Call(call) => called.push(call.func.range()),
        Expr::Name(read) if read.id == name && read.ctx.is_load() => mentioned.push(read.range()),
        Expr::Attribute(read) if read.attr.as_str() == name => mentioned.push(read.range()),
        Expr::StringLiteral(text) if text.value.to_str() == name => mentioned.push(text.range()),
        _ => {}
    });
    mentioned
        .iter()
        .any(|place| !called.contains(place) && !own.contains_range(*place))
}
