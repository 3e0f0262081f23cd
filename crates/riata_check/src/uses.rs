//! Where a piece of code reads a name, and what else is in it.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashSet;

/// Tell `seen` every expression of a body, outermost first. Those of the functions and lambdas in it are seen when `nested`.
pub(crate) fn exprs<'a>(body: &'a [Stmt], nested: bool, seen: &mut dyn FnMut(&'a Expr)) {
    Exprs { nested, seen }.visit_body(body);
}

/// The same for one expression.
pub(crate) fn exprs_in<'a>(expr: &'a Expr, nested: bool, seen: &mut dyn FnMut(&'a Expr)) {
    Exprs { nested, seen }.visit_expr(expr);
}

struct Exprs<'a, 's> {
    nested: bool,
    seen: &'s mut dyn FnMut(&'a Expr),
}

impl<'a> Visitor<'a> for Exprs<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if self.nested || !matches!(stmt, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
            visitor::walk_stmt(self, stmt);
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        (self.seen)(expr);
        if self.nested || !matches!(expr, Expr::Lambda(_)) {
            visitor::walk_expr(self, expr);
        }
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}
}

/// Tell `seen` every statement of a body, those of blocks before the next, without those of nested functions and classes.
pub(crate) fn stmts<'a>(body: &'a [Stmt], seen: &mut dyn FnMut(&'a Stmt)) {
    struct Stmts<'a, 's>(&'s mut dyn FnMut(&'a Stmt));
    impl<'a> Visitor<'a> for Stmts<'a, '_> {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            (self.0)(stmt);
            if !matches!(stmt, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
                visitor::walk_stmt(self, stmt);
            }
        }

        fn visit_expr(&mut self, _: &'a Expr) {}
    }
    Stmts(seen).visit_body(body);
}

/// Where a name is read in a body, also by the functions defined in it.
pub(crate) fn loads(body: &[Stmt], name: &str) -> Vec<TextRange> {
    let mut found = Vec::new();
    exprs(body, true, &mut |expr| {
        if let Expr::Name(read) = expr
            && read.ctx.is_load()
            && read.id == name
        {
            found.push(read.range());
        }
    });
    found
}

/// The names that an expression reads.
pub(crate) fn names_in(expr: &Expr) -> FxHashSet<&str> {
    let mut found = FxHashSet::default();
    exprs_in(expr, true, &mut |expr| {
        if let Expr::Name(read) = expr {
            found.insert(read.id.as_str());
        }
    });
    found
}

/// The names that a target binds: `a`, `(a, b)`.
pub(crate) fn bound_names(target: &Expr) -> FxHashSet<&str> {
    let mut found = FxHashSet::default();
    exprs_in(target, false, &mut |expr| {
        if let Expr::Name(bound) = expr
            && bound.ctx.is_store()
        {
            found.insert(bound.id.as_str());
        }
    });
    found
}

/// Whether an expression awaits.
pub(crate) fn awaits(expr: &Expr) -> bool {
    let mut found = false;
    exprs_in(expr, false, &mut |expr| {
        found |= match expr {
            Expr::Await(_) => true,
            Expr::ListComp(ast::ExprListComp { generators, .. })
            | Expr::SetComp(ast::ExprSetComp { generators, .. })
            | Expr::DictComp(ast::ExprDictComp { generators, .. })
            | Expr::Generator(ast::ExprGenerator { generators, .. }) => {
                generators.iter().any(|generator| generator.is_async)
            }
            _ => false,
        };
    });
    found
}

/// Whether a name says that a function ends something: what goes wrong there is of no use to anybody.
pub(crate) fn is_cleanup_name(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "close",
        "aclose",
        "stop",
        "shutdown",
        "cleanup",
        "clean",
        "teardown",
        "tear",
        "disconnect",
        "cancel",
        "unload",
        "exit",
        "aexit",
        "dispose",
        "terminate",
        "kill",
        "destroy",
        "abort",
        "del",
        "finalize",
        "unsubscribe",
        "release",
        "quit",
        "halt",
        "end",
        "reset",
        "drain",
    ];
    name.split('_').any(|word| {
        let word = word.to_ascii_lowercase();
        WORDS.contains(&word.as_str()) || (word.len() > 7 && word.contains("shutdown"))
    })
}

/// Whether a place stands in a `finally` or `except` block of a body.
pub(crate) fn in_handler(body: &[Stmt], place: TextRange) -> bool {
    let mut found = false;
    stmts(body, &mut |stmt| {
        let Stmt::Try(attempt) = stmt else { return };
        found |= attempt
            .finalbody
            .iter()
            .any(|stmt| stmt.range().contains_range(place))
            || attempt
                .handlers
                .iter()
                .any(|handler| handler.range().contains_range(place));
    });
    found
}

/// The last part of what is called: `get` of `a.b.get(…)`.
pub(crate) fn called_name(call: &ast::ExprCall) -> &str {
    match &*call.func {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => "",
    }
}

/// Whether a keyword argument is `True`.
pub(crate) fn is_true(arguments: &ast::Arguments, keyword: &str) -> bool {
    arguments.find_keyword(keyword).is_some_and(|found| {
        found
            .value
            .as_boolean_literal_expr()
            .is_some_and(|literal| literal.value)
    })
}
