//! Whether an awaited call certainly waits for something outside of the program: the network, a thread, a clock.

use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::context::Context;
use crate::flow::{Flow, Suspension, What};
use crate::names::ScopeId;
use crate::uses;

/// How deep the project's own coroutines are followed.
const MAX_DEPTH: usize = 4;

impl Context<'_> {
    /// Whether each call of a coroutine waits, and not only on a way that it mostly does not take. What is not known is
    /// judged by its name.
    pub(crate) fn certainly_waits(&self, call: &ast::ExprCall, scope: ScopeId) -> bool {
        self.waits_for_sure(call, scope, 0)
    }

    fn waits_for_sure(&self, call: &ast::ExprCall, scope: ScopeId, depth: usize) -> bool {
        let name = uses::called_name(call);
        if depth > MAX_DEPTH {
            return false;
        }
        let callees = self.callees(call, scope);
        if callees.is_empty() {
            return asks_outside(name);
        }
        callees.iter().any(|callee| {
            if let Some(facts) = self.knowledge().facts(&callee.name) {
                return facts.returned.is_some()
                    || facts.hands_off.is_some()
                    || facts.context.is_some();
            }
            let Some(def) = callee.own_function(self.program()) else {
                return asks_outside(name);
            };
            self.in_function(def, |context, function, own| {
                let perhaps = perhaps_run(&function.body);
                let flow = Flow::new(context.names(), &function.body, own);
                flow.steps.iter().any(|step| {
                    let What::Suspend(suspension) = &step.what else {
                        return false;
                    };
                    if perhaps
                        .iter()
                        .any(|range| range.contains_range(suspension.range()))
                    {
                        return false;
                    }
                    let awaited = match suspension {
                        Suspension::Await(awaited) => &*awaited.value,
                        Suspension::Enter(item) => &item.context_expr,
                        Suspension::Next(_) => return true,
                        Suspension::Leave(_) | Suspension::Yield(_) => return false,
                    };
                    match awaited {
                        Expr::Call(inner) => context.waits_for_sure(inner, step.scope, depth + 1),
                        _ => false,
                    }
                })
            })
            .unwrap_or(false)
        })
    }
}

/// The parts of a body that run under a condition, or when something failed.
fn perhaps_run(body: &[Stmt]) -> Vec<TextRange> {
    let mut found = Vec::new();
    let mut add = |body: &[Stmt]| {
        if let (Some(first), Some(last)) = (body.first(), body.last()) {
            found.push(TextRange::new(first.start(), last.end()));
        }
    };
    uses::stmts(body, &mut |stmt| match stmt {
        Stmt::If(branch) => {
            add(&branch.body);
            for clause in &branch.elif_else_clauses {
                add(&clause.body);
            }
        }
        Stmt::Try(attempt) => {
            for ast::ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                add(&handler.body);
            }
        }
        _ => {}
    });
    found
}

/// Names of methods that ask somebody else.
fn asks_outside(name: &str) -> bool {
    const VERBS: &[&str] = &[
        "get",
        "fetch",
        "request",
        "post",
        "put",
        "patch",
        "delete",
        "download",
        "upload",
        "query",
        "search",
        "call",
        "connect",
        "ping",
        "lookup",
        "resolve",
        "invoke",
        "run",
        "sleep",
        "to_thread",
        "generate",
        "ainvoke",
        "aget",
        "load",
        "list",
        "find",
        "update",
        "sync",
        "async_add_executor_job",
    ];
    let name = name.trim_start_matches('_');
    let first = name.split('_').next().unwrap_or(name);
    VERBS.contains(&first) || VERBS.contains(&name)
}
