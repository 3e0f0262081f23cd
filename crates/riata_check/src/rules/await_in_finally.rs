use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::TextRange;

use crate::cancellation::{catches, shielded};
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, FrameId, FrameKind, Suspension, What};
use crate::names::{Binding, Names, ScopeId};
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds awaits in `finally`, and in handlers of cancellation, that are not shielded from it, in code that runs under anyio or trio.
    ///
    /// ## Why is this bad?
    /// A cancelled scope of anyio or trio cancels every `await` in it, not only the first. The clean-up is broken off
    /// where it first waits: the connection stays open, the slot in the pool stays taken.
    ///
    /// ## Example
    /// ```python
    /// try:
    ///     await self.serve(stream)
    /// finally:
    ///     await self.pool.release(stream)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// try:
    ///     await self.serve(stream)
    /// finally:
    ///     with anyio.move_on_after(5, shield=True):
    ///         await self.pool.release(stream)
    /// ```
    ///
    /// Modules that use asyncio alone are not looked at: a task is cancelled once there, and seldom a second time.
    /// `await x.aclose()` of a library's object is not reported either, for closing does its work when it is cancelled, too.
    ///
    /// ## False alarms known
    /// Functions that are only ever run inside of a shield.
    "RIA604", "await-in-finally", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    for (range, _, what) in found(checker, function) {
        checker.report(
            Report::new(
                &RULE,
                range,
                format!("A cancelled scope breaks this off: it waits in {what} without a shield"),
            )
            .help("put it into `with CancelScope(shield=True)`, best with a time limit"),
        );
    }
}

/// What is awaited, the clean-up that it is awaited in, and what that is.
pub(super) fn found(
    checker: &Checker<'_>,
    function: &ast::StmtFunctionDef,
) -> Vec<(TextRange, TextRange, &'static str)> {
    if !function.is_async
        || !*checker
            .context
            .runs_in_scopes
            .get_or_init(|| runs_in_scopes(&checker.context))
        || is_test(&checker.context)
        || is_whole_program(&checker.context, function)
    {
        return Vec::new();
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    let mut all: Vec<(TextRange, TextRange, &'static str)> = Vec::new();
    for step in &flow.steps {
        let What::Suspend(suspension) = &step.what else {
            continue;
        };
        let Some(place) = cleaning(context, &flow, step.frame, step.scope) else {
            continue;
        };
        // One report for each clean-up.
        if all.iter().any(|(_, range, _)| *range == place.range)
            || shielded(context, &flow, step.frame, step.scope)
            || only_waits(&flow, step.frame, suspension)
            || handled_inside(context, &flow, step.frame, step.scope, place.range)
            || !can_break_off(context, suspension, step.scope, 0)
        {
            continue;
        }
        all.push((suspension.range(), place.range, place.what));
    }
    all
}

/// `anyio.run(main)`: no scope is around it that could be cancelled.
fn is_whole_program(context: &Context<'_>, function: &ast::StmtFunctionDef) -> bool {
    let mut found = false;
    uses::exprs(context.text().body(), true, &mut |expr| {
        if let Expr::Call(call) = expr
            && uses::called_name(call) == "run"
            && let Some(Expr::Name(run)) = call.arguments.args.first()
        {
            found |= run.id == function.name.id;
        }
    });
    found
}

/// `with move_on_after(5): await done.wait()`: nothing is cleared up there, somebody is given time to.
fn only_waits(flow: &Flow<'_>, frame: FrameId, suspension: &Suspension<'_>) -> bool {
    let Suspension::Await(awaited) = suspension else {
        return false;
    };
    matches!(&*awaited.value, Expr::Call(call) if uses::called_name(call) == "wait")
        && flow.frames(frame).any(|(_, frame)| {
            matches!(frame.kind, FrameKind::With { item, .. }
                if matches!(&item.context_expr, Expr::Call(call)
                    if uses::called_name(call) == "move_on_after"))
        })
}

pub(super) struct Cleaning {
    pub(super) range: TextRange,
    pub(super) what: &'static str,
}

pub(super) fn cleaning(
    context: &Context<'_>,
    flow: &Flow<'_>,
    frame: FrameId,
    scope: ScopeId,
) -> Option<Cleaning> {
    use ruff_text_size::Ranged;
    flow.frames(frame).find_map(|(_, frame)| match frame.kind {
        FrameKind::Finally(found) => {
            // What cannot be cancelled needs no shield behind it.
            let awaits = flow.steps.iter().any(|step| {
                matches!(step.what, What::Suspend(_))
                    && flow.frames(step.frame).any(|(_, frame)| match frame.kind {
                        FrameKind::Try(other) => other.range() == found.range(),
                        _ => false,
                    })
            });
            awaits.then(|| Cleaning {
                range: found.range(),
                what: "`finally`",
            })
        }
        FrameKind::Handler(_, handler) if catches(context, handler.type_.as_deref(), scope) => {
            Some(Cleaning {
                range: handler.range(),
                what: "a handler of cancellation",
            })
        }
        _ => None,
    })
}

/// Whether a cancelled scope can break a step off: not where all awaits that it leads to are shielded.
fn can_break_off(
    context: &Context<'_>,
    suspension: &Suspension<'_>,
    scope: ScopeId,
    depth: usize,
) -> bool {
    let awaited = match suspension {
        Suspension::Await(awaited) => awaited,
        Suspension::Yield(_) | Suspension::Leave(_) => return false,
        // Entering is judged by the class, where it can be read.
        Suspension::Enter(item) => {
            return enter_breaks_off(context, &item.context_expr, scope, depth);
        }
        Suspension::Next(_) => return true,
    };
    let Expr::Call(call) = &*awaited.value else {
        return true;
    };
    let callees = context.callees(call, scope);
    let by_name = match &*call.func {
        Expr::Attribute(found) => found.attr.as_str(),
        Expr::Name(found) => found.id.as_str(),
        _ => "",
    };
    // Closing does its work when it is cancelled, too; what an object's own `aclose` does can be read.
    let of_self = match &*call.func {
        Expr::Attribute(found) => matches!(&*found.value, Expr::Name(owner) if owner.id == "self"),
        _ => false,
    };
    let closes = match by_name {
        "aclose" => !of_self,
        "aclose_forcefully" | "cancel_shielded_checkpoint" | "__aexit__" => true,
        _ => false,
    };
    if closes {
        return false;
    }
    if callees.is_empty() {
        return is_known_to_wait(context, call, scope);
    }
    callees.iter().any(|callee| {
        let def = callee.own_function(context.program());
        let Some(def) = def else { return true };
        function_breaks_off(context, def, depth)
    })
}

fn function_breaks_off(context: &Context<'_>, def: crate::program::Def, depth: usize) -> bool {
    if depth > 4 {
        return true;
    }
    context
        .in_function(def, |context, _, own| {
            let flow = context.flow(own);
            flow.steps.iter().any(|step| match &step.what {
                What::Suspend(inner) => {
                    !shielded(context, &flow, step.frame, step.scope)
                        && can_break_off(context, inner, step.scope, depth + 1)
                }
                _ => false,
            })
        })
        .unwrap_or(true)
}

fn enter_breaks_off(context: &Context<'_>, expr: &Expr, scope: ScopeId, depth: usize) -> bool {
    let class = match context.value(expr, scope) {
        crate::context::Value::Instance(class) => class.def.or_else(|| match expr {
            Expr::Call(call) => context
                .callees(call, scope)
                .iter()
                .find(|callee| callee.is_class)
                .and_then(|callee| callee.def),
            _ => None,
        }),
        _ => None,
    };
    let Some(method) = class
        .filter(|def| context.program().is_first_party(def.file))
        .and_then(|class| context.method(class, "__aenter__"))
    else {
        return crate::locks::may_exclude(context, expr, scope);
    };
    function_breaks_off(context, method, depth)
}

/// Nothing can be read of it, but its name says where it comes from: a callback that was passed in may do anything.
fn is_known_to_wait(context: &Context<'_>, call: &ast::ExprCall, scope: ScopeId) -> bool {
    context
        .dotted(&call.func, scope)
        .is_some_and(|name| !name.contains("shield"))
}

/// Nothing is lost when a test's clean-up is broken off.
pub(super) fn is_test(context: &Context<'_>) -> bool {
    context.text().name.split('.').any(|part| {
        matches!(part, "tests" | "_tests" | "test" | "testing" | "conftest")
            || part.starts_with("test_")
    })
}

/// Whether a `try` around a step, inside of the clean-up, handles its cancellation.
fn handled_inside(
    context: &Context<'_>,
    flow: &Flow<'_>,
    frame: FrameId,
    scope: ScopeId,
    outer: TextRange,
) -> bool {
    use ruff_text_size::Ranged;
    flow.frames(frame).any(|(_, frame)| match frame.kind {
        FrameKind::Try(found) => {
            outer.contains_range(found.range())
                && outer != found.range()
                && found.handlers.iter().any(|handler| {
                    let ast::ExceptHandler::ExceptHandler(handler) = handler;
                    catches(context, handler.type_.as_deref(), scope)
                })
        }
        _ => false,
    })
}

/// Whether a module's code runs under anyio or trio: it imports one of them, or a module of the project that does.
fn runs_in_scopes(context: &Context<'_>) -> bool {
    let names = context.names();
    if imports(names, "asyncio") {
        return false;
    }
    imports(names, "anyio")
        || imports(names, "trio")
        || names.all_bindings(ScopeId::MODULE).any(|(_, bindings)| {
            bindings.iter().any(|binding| {
                let Binding::ImportFrom { statement, .. } = binding else {
                    return false;
                };
                let module = crate::context::absolute_module(context.text(), statement);
                context
                    .worker
                    .find_module(&module)
                    .filter(|file| context.program().is_first_party(*file))
                    .and_then(|file| context.worker.module_for_interface(file))
                    .is_some_and(|module| {
                        (imports(module.names(), "anyio") || imports(module.names(), "trio"))
                            && !imports(module.names(), "asyncio")
                    })
            })
        })
}

fn imports(names: &Names<'_>, root: &str) -> bool {
    names
        .imports
        .iter()
        .any(|module| module.split('.').next() == Some(root))
}
