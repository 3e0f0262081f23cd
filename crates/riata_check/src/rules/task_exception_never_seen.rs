use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, Stmt};

use crate::checker::{Checker, Report};
use crate::rules::rule;
use crate::tasks::spawned;

rule! {
    /// ## What it does
    /// Finds tasks that are kept in an attribute which the class never awaits and never asks for a result or an exception.
    ///
    /// ## Why is this bad?
    /// When the task fails, nobody notices as long as the attribute refers to it: Python logs the exception only when the task is
    /// collected.
    ///
    /// ## Example
    /// ```python
    /// class Listener:
    ///     def start(self):
    ///         self._task = asyncio.create_task(self._listen())
    ///
    ///     def stop(self):
    ///         self._task.cancel()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// class Listener:
    ///     def start(self):
    ///         self._task = asyncio.create_task(self._listen())
    ///         self._task.add_done_callback(self._log_failure)
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix.
    ///
    /// ## False alarms known
    /// A coroutine that handles every exception itself.
    "RIA304", "task-exception-never-seen", default: false, fix: None,
    hooks: [Stmt(check)],
}

fn check(checker: &Checker<'_>, stmt: &Stmt) {
    let Stmt::Assign(assign) = stmt else { return };
    let ([Expr::Attribute(target)], Expr::Call(call)) = (assign.targets.as_slice(), &*assign.value)
    else {
        return;
    };
    let Expr::Name(owner) = &*target.value else {
        return;
    };
    let Some(function) = checker.function() else {
        return;
    };
    let Some(class) = checker.class() else { return };
    if crate::names::first_parameter(function) != Some(owner.id.as_str())
        || spawned(&checker.context, call, checker.scope()).is_none_or(|spawn| spawn.awaited)
    {
        return;
    }
    // Somebody else may look at a public attribute.
    let name = target.attr.as_str();
    if !name.starts_with('_') {
        return;
    }
    let mut seen = Seen { name, found: false };
    seen.visit_body(&class.body);
    if !seen.found {
        let message = format!(
            "Nobody sees an exception of the task in `{}`",
            checker.context.source(target)
        );
        checker.report(
            Report::new(&RULE, call, message)
                .help("await it in the end, or log its exception in a done callback"),
        );
    }
}

/// Whether a class does anything with an attribute but to set, test and cancel it.
struct Seen<'n> {
    name: &'n str,
    found: bool,
}

impl<'a> Visitor<'a> for Seen<'_> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Call(call) => {
                // `self._task.cancel()`, `.done()`
                if let Expr::Attribute(method) = &*call.func
                    && self.is_task(&method.value)
                    && matches!(
                        method.attr.as_str(),
                        "cancel" | "done" | "cancelled" | "set_name" | "get_name"
                    )
                {
                    return;
                }
            }
            Expr::Compare(compare) if self.is_task(&compare.left) => return,
            Expr::UnaryOp(operation) if self.is_task(&operation.operand) => return,
            _ => {}
        }
        if self.is_task(expr)
            && matches!(expr, Expr::Attribute(attribute) if attribute.ctx.is_load())
        {
            self.found = true;
        }
        visitor::walk_expr(self, expr);
    }

    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::If(branch) = stmt
            && self.is_task(&branch.test)
        {
            self.visit_body(&branch.body);
            for clause in &branch.elif_else_clauses {
                self.visit_body(&clause.body);
            }
            return;
        }
        visitor::walk_stmt(self, stmt);
    }
}

impl Seen<'_> {
    fn is_task(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Attribute(attribute) if attribute.attr.as_str() == self.name)
    }
}
