//! Functions that ask where they run.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};

/// `if self.asynchronous:`, `if not self.called_from_running_loop:`
pub(super) fn tells_whether_async(name: &str) -> bool {
    matches!(
        name.trim_start_matches('_'),
        "asynchronous" | "is_asynchronous" | "in_async_call" | "in_async_context" | "in_async"
    ) || name.contains("running_loop")
}

/// Whether a function looks which thread, or whether a loop, it runs in: what it does then is not what it does in the loop.
pub(crate) fn asks_where_it_runs(body: &[Stmt]) -> bool {
    struct Asks {
        found: bool,
        testing: bool,
    }
    impl<'a> Visitor<'a> for Asks {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            match stmt {
                Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
                Stmt::If(branch) => {
                    self.testing = true;
                    self.visit_expr(&branch.test);
                    self.testing = false;
                    self.visit_body(&branch.body);
                    for clause in &branch.elif_else_clauses {
                        if let Some(test) = &clause.test {
                            self.testing = true;
                            self.visit_expr(test);
                            self.testing = false;
                        }
                        self.visit_body(&clause.body);
                    }
                }
                Stmt::Try(attempt) => {
                    self.testing = !attempt.handlers.is_empty();
                    self.visit_body(&attempt.body);
                    self.testing = false;
                    for ast::ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                        self.visit_body(&handler.body);
                    }
                    self.visit_body(&attempt.orelse);
                    self.visit_body(&attempt.finalbody);
                }
                _ => visitor::walk_stmt(self, stmt),
            }
        }

        fn visit_expr(&mut self, expr: &'a Expr) {
            match expr {
                Expr::Name(name) => self.found |= self.testing && tells_whether_async(&name.id),
                Expr::Attribute(attribute) => {
                    self.found |= self.testing && tells_whether_async(&attribute.attr);
                }
                _ => {}
            }
            if let Expr::Call(call) = expr {
                let name = match &*call.func {
                    Expr::Name(name) => name.id.as_str(),
                    Expr::Attribute(attribute) => attribute.attr.as_str(),
                    _ => "",
                };
                let asks = match name {
                    "get_ident" | "get_native_id" | "current_thread" | "main_thread" => true,
                    "get_running_loop"
                    | "_get_running_loop"
                    | "current_task"
                    | "current_async_library" => self.testing,
                    _ => false,
                };
                self.found |= asks;
            }
            visitor::walk_expr(self, expr);
        }
    }
    let mut asks = Asks {
        found: false,
        testing: false,
    };
    asks.visit_body(body);
    asks.found
}
