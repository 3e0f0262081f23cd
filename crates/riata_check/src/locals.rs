//! How a function uses one of its names: every read of it, with the code around.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{AnyNodeRef, Expr, Stmt};

/// A read of a name.
pub(crate) struct Read<'a> {
    /// The nodes around it, outermost first, from the function's statements on.
    pub(crate) around: Vec<AnyNodeRef<'a>>,
    /// Whether a function or lambda inside of the function reads it.
    pub(crate) nested: bool,
}

impl<'a> Read<'a> {
    pub(crate) fn parent(&self) -> Option<AnyNodeRef<'a>> {
        self.around.last().copied()
    }

    pub(crate) fn grandparent(&self) -> Option<AnyNodeRef<'a>> {
        self.around.iter().rev().nth(1).copied()
    }
}

/// Every read of `name` in statements, and in the functions in them. A `del` counts, for somebody thought of it.
pub(crate) fn reads<'a>(body: &'a [Stmt], name: &str) -> Vec<Read<'a>> {
    let mut found = Reads {
        name,
        around: Vec::new(),
        nested: 0,
        found: Vec::new(),
    };
    found.visit_body(body);
    found.found
}

/// Whether `global` or `nonlocal` makes a name somebody else's.
pub(crate) fn is_shared(body: &[Stmt], name: &str) -> bool {
    struct Shared<'n>(&'n str, bool);
    impl<'a> Visitor<'a> for Shared<'_> {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            match stmt {
                Stmt::Global(global) => self.1 |= global.names.iter().any(|name| name == self.0),
                Stmt::Nonlocal(nonlocal) => {
                    self.1 |= nonlocal.names.iter().any(|name| name == self.0);
                }
                _ => visitor::walk_stmt(self, stmt),
            }
        }

        fn visit_expr(&mut self, _: &'a Expr) {}
    }
    let mut found = Shared(name, false);
    found.visit_body(body);
    found.1
}

struct Reads<'a, 'n> {
    name: &'n str,
    around: Vec<AnyNodeRef<'a>>,
    nested: usize,
    found: Vec<Read<'a>>,
}

impl<'a> Visitor<'a> for Reads<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.around.push(AnyNodeRef::from(stmt));
        let inner = matches!(stmt, Stmt::FunctionDef(_) | Stmt::ClassDef(_));
        self.nested += usize::from(inner);
        visitor::walk_stmt(self, stmt);
        self.nested -= usize::from(inner);
        self.around.pop();
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Name(name) = expr
            && !name.ctx.is_store()
            && name.id == self.name
        {
            let (around, nested) = (self.around.clone(), self.nested > 0);
            self.found.push(Read { around, nested });
        }
        self.around.push(AnyNodeRef::from(expr));
        let inner = matches!(expr, Expr::Lambda(_));
        self.nested += usize::from(inner);
        visitor::walk_expr(self, expr);
        self.nested -= usize::from(inner);
        self.around.pop();
    }
}
