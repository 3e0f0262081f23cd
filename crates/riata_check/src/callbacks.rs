//! Functions that a call is given to be called: there and then, or by the event loop later.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::annotations::last_name;
use crate::blocking::Run;
use crate::context::Context;
use crate::knowledge::Arguments;
use crate::names::ScopeId;
use crate::trace::Node;

impl Context<'_> {
    /// Tell `found` what the event loop runs of what it is given by a call: `loop.call_later(1, poll)`.
    pub(crate) fn loop_runs(
        &self,
        call: &ast::ExprCall,
        scope: ScopeId,
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        let known = self
            .facts(call, scope)
            .and_then(|facts| facts.calls.as_ref())
            .filter(|calls| calls.later);
        let given = match known {
            Some(calls) => given(&calls.arguments, call),
            None => callback_by_name(self, call, scope)
                .filter(|found| !matches!(found.method, "add_done_callback" | "run_in_executor"))
                .and_then(|callback| call.arguments.args.get(callback.index))
                .into_iter()
                .collect(),
        };
        if given.is_empty() || self.runs_loop_in_thread() {
            return;
        }
        for argument in given {
            self.function_runs(argument, argument.range(), (scope, None), found);
        }
    }

    /// Whether the module runs a loop in a thread of its own, which may be there for what blocks.
    fn runs_loop_in_thread(&self) -> bool {
        let text = &self.text().text;
        self.worker
            .asks(|| Node::Text(self.program().file(&self.text().origin)));
        text.contains("run_forever") && text.contains("Thread(")
    }
}

/// The arguments of a call that are meant; none that stand behind others whose number is not known.
pub(crate) fn given<'c>(meant: &Arguments, call: &'c ast::ExprCall) -> Vec<&'c Expr> {
    let arguments = &call.arguments;
    let known = arguments
        .args
        .iter()
        .position(Expr::is_starred_expr)
        .unwrap_or(arguments.args.len());
    let by_position = meant
        .arguments
        .iter()
        .filter_map(|index| arguments.args[..known].get(*index));
    let by_name = meant
        .keywords
        .iter()
        .filter_map(|name| Some(&arguments.find_keyword(name)?.value));
    by_position.chain(by_name).collect()
}

/// A method of a loop or a future that takes a function.
pub(crate) struct ByName<'c> {
    pub(crate) method: &'c str,
    /// Where the function is.
    pub(crate) index: usize,
}

/// Methods whose names are theirs alone, of an object that nothing is known of.
pub(crate) fn callback_by_name<'c>(
    context: &Context<'_>,
    call: &'c ast::ExprCall,
    scope: ScopeId,
) -> Option<ByName<'c>> {
    let Expr::Attribute(attribute) = &*call.func else {
        return None;
    };
    let method = attribute.attr.as_str();
    let index = match method {
        "add_done_callback" | "call_soon" | "call_soon_threadsafe" => 0,
        "call_later" | "call_at" | "add_signal_handler" | "run_in_executor" => 1,
        _ => return None,
    };
    // Tornado's loop awaits what its callbacks give.
    let receiver = match &*attribute.value {
        Expr::Call(call) => last_name(&call.func),
        other => last_name(other),
    };
    let is_tornado = receiver.is_some_and(|name| {
        matches!(
            name.to_ascii_lowercase().replace('_', "").as_str(),
            "ioloop" | "current"
        )
    });
    if is_tornado {
        return None;
    }
    context
        .callees(call, scope)
        .iter()
        .all(|callee| callee.def.is_none())
        .then_some(ByName { method, index })
}
