//! Waits that are over when they are asked for, or whose sockets do not wait.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::context::Context;
use crate::names::{Binding, ScopeId};
use crate::trace::Node;
use crate::uses;

impl Context<'_> {
    /// `future.result()` of a future that comes from elsewhere: where a coroutine asks, it has mostly waited for it before.
    pub(super) fn is_done(&self, name: &str, call: &ast::ExprCall, scope: ScopeId) -> bool {
        if self.was_asked_for(name, call, scope) {
            return true;
        }
        if !matches!(
            name,
            "concurrent.futures.Future.result" | "concurrent.futures.Future.exception"
        ) {
            return false;
        }
        let Expr::Attribute(attribute) = &*call.func else {
            return true;
        };
        match &*attribute.value {
            Expr::Call(_) => false,
            Expr::Name(future) => {
                let Some((_, bindings)) = self.names().lookup(future.id.as_str(), scope) else {
                    return true;
                };
                !bindings.iter().any(|binding| {
                    matches!(
                        binding,
                        Binding::Value(Expr::Call(_)) | Binding::Parameter(_)
                    )
                })
            }
            _ => true,
        }
    }

    /// `if thread.is_alive(): … else: thread.join()`, `await asyncio.wrap_future(future)`: what is waited for is over, or the
    /// code knows that it may not be.
    fn was_asked_for(&self, name: &str, call: &ast::ExprCall, scope: ScopeId) -> bool {
        let asked = match name {
            "concurrent.futures.Future.result" | "concurrent.futures.Future.exception" => "done",
            "threading.Thread.join" => "is_alive",
            "threading.Event.wait" => "is_set",
            "queue.Queue.get" => "empty",
            "subprocess.Popen.wait" | "subprocess.Popen.communicate" => "poll",
            _ => return false,
        };
        let Expr::Attribute(method) = &*call.func else {
            return false;
        };
        let Some((_, function)) = self.names().enclosing_function(scope) else {
            return false;
        };
        let object = self.source(&*method.value);
        let mut found = false;
        uses::exprs(&function.body, false, &mut |expr| {
            if found || expr.start() >= call.start() {
                return;
            }
            match expr {
                Expr::Attribute(attribute) => {
                    found = attribute.attr.as_str() == asked
                        && self.source(&*attribute.value) == object;
                }
                Expr::Await(awaited) if asked == "done" => {
                    uses::exprs_in(&awaited.value, false, &mut |inner| {
                        found |= self.source(inner) == object;
                    });
                }
                _ => {}
            }
        });
        found
    }

    pub(super) fn sets_sockets_non_blocking(&self) -> bool {
        let text = &self.text().text;
        self.worker
            .asks(|| Node::Text(self.program().file(&self.text().origin)));
        ["setblocking(False)", "setblocking(0)", "settimeout(0"]
            .iter()
            .any(|call| text.contains(call))
    }
}
