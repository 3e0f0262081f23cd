use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::flow::{Flow, Suspension, What, place};
use crate::names::{Binding, ScopeId, ScopeNode};
use crate::rules::rule;
use crate::shared::shared;

rule! {
    /// ## What it does
    /// Finds locks, events and queues of asyncio that belong to the wrong event loop, or to several: made when a module is
    /// imported (before Python 3.10), shared by loops that are run one after another, or made by the first coroutine
    /// that comes along and kept on a class or in a global.
    ///
    /// ## Why is this bad?
    /// Before Python 3.10 a primitive belongs to the loop that is current where it is made: at import that is not the one that
    /// `asyncio.run` starts. Since then it belongs to the loop that first waits for it. With another loop it fails with "is bound to
    /// a different event loop", often only when two tasks meet, or waits for ever.
    ///
    /// ## Example
    /// ```python
    /// class Status:
    ///     stopped = None
    ///
    ///
    /// async def wait_until_stopped():
    ///     if Status.stopped is None:
    ///         Status.stopped = asyncio.Event()
    ///     await Status.stopped.wait()
    /// ```
    ///
    /// ## Use instead
    /// An attribute of an object that lives as long as one loop, or a `ContextVar`:
    ///
    /// ```python
    /// class Server:
    ///     def __init__(self):
    ///         self.stopped = asyncio.Event()
    /// ```
    ///
    /// On Python 3.10 and later, a lock at the top of a module is reported only if the module itself runs several loops.
    ///
    /// ## False alarms known
    /// A program that runs one loop in all its life.
    "RIA702", "primitive-at-import", default: true, fix: None,
    hooks: [Stmt(at_import), Function(in_a_coroutine)],
}

/// The primitive that a call makes.
pub(super) fn primitive(context: &Context<'_>, expr: &Expr, scope: ScopeId) -> Option<String> {
    let Expr::Call(call) = expr else { return None };
    let name = context.name_of(call, scope)?;
    let (module, last) = crate::locks::split(&name);
    let is_one = match module.split('.').next()? {
        "asyncio" => matches!(
            last,
            "Lock"
                | "Event"
                | "Condition"
                | "Semaphore"
                | "BoundedSemaphore"
                | "Queue"
                | "LifoQueue"
                | "PriorityQueue"
                | "Future"
        ),
        "anyio" | "trio" => matches!(last, "Event" | "Condition"),
        _ => false,
    };
    is_one.then_some(name)
}

/// What an assignment at import makes: a primitive of asyncio, in the body of a module or of a class.
pub(super) fn made<'a>(checker: &Checker<'_>, statement: &'a Stmt) -> Option<&'a Expr> {
    let context = &checker.context;
    let scope = checker.scope();
    if !matches!(
        context.names().scope(scope).node,
        ScopeNode::Module | ScopeNode::Class(_)
    ) {
        return None;
    }
    let value = match statement {
        Stmt::Assign(found) => &*found.value,
        Stmt::AnnAssign(found) => found.value.as_deref()?,
        _ => return None,
    };
    if !primitive(context, value, scope)?.starts_with("asyncio.") {
        return None;
    }
    // Not at import: `if __name__ == "__main__":`.
    let in_main = checker.ancestors().any(|node| match node {
        ast::AnyNodeRef::StmtIf(found) => context.source(&*found.test).contains("__name__"),
        _ => false,
    });
    (!in_main).then_some(value)
}

/// Why that goes wrong in the program itself, and where another loop is run.
pub(super) fn reason(
    checker: &Checker<'_>,
    statement: &Stmt,
) -> Option<(&'static str, Option<ruff_text_size::TextRange>)> {
    let context = &checker.context;
    let value = made(checker, statement)?;
    let name = primitive(context, value, checker.scope())?;
    if context.python_version() < (3, 10) || name == "asyncio.Future" {
        return Some(("for whichever event loop is current then", None));
    }
    let target = match statement {
        Stmt::Assign(found) => match &*found.targets {
            [target] => target,
            _ => return None,
        },
        Stmt::AnnAssign(found) => &*found.target,
        _ => return None,
    };
    let run = another_loop(context, &place(target)?)?;
    Some(("and shared by several event loops", Some(run)))
}

fn at_import(checker: &Checker<'_>, statement: &Stmt) {
    let (Some(value), Some((why, run))) = (made(checker, statement), reason(checker, statement))
    else {
        return;
    };
    let Some(name) = primitive(&checker.context, value, checker.scope()) else {
        return;
    };
    let mut report = Report::new(
        &RULE,
        value.range(),
        format!("`{name}` is made when the module is imported, {why}"),
    )
    .help("make it in a coroutine or in the `__init__` of what uses it");
    if let Some(run) = run {
        report = report.related(checker, run, "each call runs a new loop");
    }
    checker.report(report);
}

/// A function of the module that runs a loop each time it is called, when a coroutine of the module waits for the primitive.
fn another_loop(context: &Context<'_>, name: &str) -> Option<ruff_text_size::TextRange> {
    let names = context.names();
    let waits = names.functions.iter().any(|(function, _)| {
        let Some(own) = names.of_function(function).filter(|_| function.is_async) else {
            return false;
        };
        let flow = Flow::new(names, &function.body, own);
        flow.steps.iter().any(|step| match &step.what {
            What::Suspend(Suspension::Enter(item)) => {
                place(&item.context_expr).as_deref() == Some(name)
            }
            What::Suspend(Suspension::Await(awaited)) => match &*awaited.value {
                Expr::Call(call) => {
                    crate::locks::method_call(call, &["acquire", "wait", "get", "put", "join"])
                        .and_then(place)
                        .as_deref()
                        == Some(name)
                }
                _ => false,
            },
            _ => false,
        })
    });
    if !waits {
        return None;
    }
    names.functions.iter().find_map(|(function, _)| {
        let own = names.of_function(function).filter(|_| !function.is_async)?;
        if function.name.contains("main") || function.name.starts_with("test") {
            return None;
        }
        let flow = Flow::new(names, &function.body, own);
        flow.steps.iter().find_map(|step| match step.what {
            What::Call(call)
                if matches!(
                    context.dotted(&call.func, step.scope).as_deref(),
                    Some("asyncio.run" | "asyncio.new_event_loop")
                ) =>
            {
                Some(call.range())
            }
            _ => None,
        })
    })
}

/// A class's or a module's event, made by the first coroutine that needs it.
fn in_a_coroutine(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    for (index, step) in flow.steps.iter().enumerate() {
        let What::Write {
            target,
            value: Some(value),
            ..
        } = step.what
        else {
            continue;
        };
        let Some(name) = primitive(context, value, step.scope) else {
            continue;
        };
        // Nobody waits long for a lock; waiting is what the others are for.
        if !matches!(
            crate::locks::split(&name).1,
            "Event" | "Condition" | "Queue"
        ) || !for_all(context, target, step.scope)
        {
            continue;
        }
        let Some(text) = shared(context, target, step.scope) else {
            continue;
        };
        let made_once = flow.steps[..index].iter().any(|step| match step.what {
            What::Read(expr) => place(expr).as_deref() == Some(text.as_str()),
            _ => false,
        });
        if made_once {
            checker.report(
                Report::new(
                    &RULE,
                    value.range(),
                    format!(
                        "`{text}` is made by the first event loop and kept for all that follow"
                    ),
                )
                .help("keep it on an object that lives as long as one loop"),
            );
        }
    }
}

/// An attribute of a class, or a global.
fn for_all(context: &Context<'_>, target: &Expr, scope: ScopeId) -> bool {
    match target {
        Expr::Name(_) => true,
        Expr::Attribute(found) => match &*found.value {
            Expr::Name(owner) => {
                owner.id == "cls"
                    || context
                        .names()
                        .lookup(owner.id.as_str(), scope)
                        .is_some_and(|(_, bindings)| {
                            bindings
                                .iter()
                                .all(|binding| matches!(binding, Binding::Class(_)))
                        })
            }
            _ => false,
        },
        _ => false,
    }
}
