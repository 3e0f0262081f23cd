use ruff_python_ast::{self as ast, AnyNodeRef, ExceptHandler, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::diagnostic::{Edit, Fix};
use crate::flow::{Flow, FrameKind, Suspension, What};
use crate::handlers::{self, Class};
use crate::names::{Binding, ScopeId};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds handlers of a timeout error that is not the one that the code in the `try` raises, on the oldest Python that is
    /// supported.
    ///
    /// ## Why is this bad?
    /// The timeout is not handled. `asyncio.TimeoutError` and `concurrent.futures.TimeoutError` are the built-in
    /// `TimeoutError` from Python 3.11 on. Before, they are three classes, and none catches another: on 3.10,
    /// `except TimeoutError` does not catch what `asyncio.wait_for` raises. `trio.TooSlowError` is none of them, ever.
    ///
    /// ## Example
    /// ```python
    /// try:
    ///     await asyncio.wait_for(answer, 10)
    /// except TimeoutError:  # on 3.10
    ///     return None
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// try:
    ///     await asyncio.wait_for(answer, 10)
    /// except asyncio.TimeoutError:
    ///     return None
    /// ```
    ///
    /// ## Fix safety
    /// The class is replaced by the right one where its module is imported. On newer versions both are the same class.
    ///
    /// ## False alarms known
    /// None.
    "RIA605", "wrong-timeout-error", default: true, fix: Safe,
    hooks: [Stmt(check)],
}

/// The classes that libraries raise when time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timeout {
    Asyncio,
    Concurrent,
    Builtin,
    Trio,
}

impl Timeout {
    fn of(class: &Class) -> Option<Self> {
        Some(match class.name.as_deref()? {
            "asyncio.TimeoutError" | "asyncio.exceptions.TimeoutError" => Self::Asyncio,
            "concurrent.futures.TimeoutError" | "concurrent.futures._base.TimeoutError" => {
                Self::Concurrent
            }
            "builtins.TimeoutError" | "socket.timeout" => Self::Builtin,
            "trio.TooSlowError" => Self::Trio,
            _ => return None,
        })
    }

    fn catches(self, raised: Self, version: (u8, u8)) -> bool {
        self == raised || (version >= (3, 11) && self != Self::Trio && raised != Self::Trio)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Asyncio => "asyncio.TimeoutError",
            Self::Concurrent => "concurrent.futures.TimeoutError",
            Self::Builtin => "TimeoutError",
            Self::Trio => "trio.TooSlowError",
        }
    }
}

fn check(checker: &Checker<'_>, statement: &Stmt) {
    let Stmt::Try(found) = statement else { return };
    let context = &checker.context;
    let scope = checker.scope();
    let version = context.python_version();
    let mut caught: Vec<(Timeout, TextRange)> = Vec::new();
    for handler in &found.handlers {
        let ExceptHandler::ExceptHandler(handler) = handler;
        let Some(class) = &handler.type_ else { break };
        let classes = handlers::classes(context, class, scope);
        // Something that is unknown here may be any of them.
        if classes.iter().any(|class| class.name.is_none()) {
            return;
        }
        caught.extend(
            classes
                .iter()
                .filter_map(|class| Some((Timeout::of(class)?, class.range))),
        );
    }
    let [(first, at), rest @ ..] = &*caught else {
        return;
    };
    let all = || std::iter::once(*first).chain(rest.iter().map(|(timeout, _)| *timeout));
    if checks_version(checker) {
        return;
    }
    let mut raised = Vec::new();
    timeouts(context, &found.body, scope, 0, &mut raised);
    // When one of them is right, so is the handler, as far as it goes.
    if raised
        .iter()
        .any(|(timeout, ..)| all().any(|caught| caught.catches(*timeout, version)))
    {
        return;
    }
    let Some((timeout, range, name)) = raised.first() else {
        return;
    };
    let wrong = first.name();
    let right = timeout.name();
    let since = if *timeout == Timeout::Trio || *first == Timeout::Trio {
        String::new()
    } else {
        format!(" on Python {}.{}", version.0, version.1)
    };
    let mut report = Report::new(
        &RULE,
        *at,
        format!("`except {wrong}` does not catch the `{right}` of `{name}`{since}"),
    )
    .related(checker, *range, "the timeout is here");
    match replacement(context, *timeout, scope) {
        Some(text)
            if rest.is_empty()
                && found
                    .handlers
                    .iter()
                    .any(|handler| handler.range().contains_range(*at)) =>
        {
            let written = context.source(*at);
            // A constant is mended where it is made.
            if written.ends_with("TimeoutError")
                || written.ends_with("TooSlowError")
                || written.ends_with(".timeout")
            {
                report = report.fix(Fix::safe(
                    format!("Catch `{text}`"),
                    vec![Edit::replace(*at, text)],
                ));
            }
        }
        _ => report = report.help(format!("catch `{right}`")),
    }
    checker.report(report);
}

/// A branch for some versions of Python only.
fn checks_version(checker: &Checker<'_>) -> bool {
    checker.ancestors().any(|node| match node {
        AnyNodeRef::StmtIf(found) => checker
            .context
            .source(&*found.test)
            .contains("version_info"),
        _ => false,
    })
}

/// The timeouts that a block may raise and does not catch itself.
fn timeouts(
    context: &Context<'_>,
    body: &[Stmt],
    scope: ScopeId,
    depth: usize,
    raised: &mut Vec<(Timeout, TextRange, String)>,
) {
    let flow = Flow::new(context.names(), body, scope);
    for step in &flow.steps {
        let handled = flow.frames(step.frame).any(|(_, frame)| match frame.kind {
            FrameKind::Try(found) => found.handlers.iter().any(|handler| {
                let ExceptHandler::ExceptHandler(handler) = handler;
                handler.type_.as_deref().is_none_or(|class| {
                    handlers::classes(context, class, step.scope)
                        .iter()
                        .any(|class| {
                            class.name.is_none() || class.is_broad() || Timeout::of(class).is_some()
                        })
                })
            }),
            FrameKind::With { item, .. } => crate::flow::is_suppress(&item.context_expr),
            _ => false,
        });
        if handled {
            continue;
        }
        match &step.what {
            What::Suspend(Suspension::Await(awaited)) => {
                let Expr::Call(call) = &*awaited.value else {
                    continue;
                };
                let name = context.name_of(call, step.scope);
                if let Some(timeout) = name.as_deref().and_then(|name| awaited_timeout(name, call))
                {
                    raised.push((timeout, call.range(), name.unwrap_or_default()));
                } else if depth < 2
                    && let Some(def) = context.awaited_function(call, step.scope)
                {
                    let mut inner = Vec::new();
                    context.in_function(def, |context, function, own| {
                        timeouts(context, &function.body, own, depth + 1, &mut inner);
                    });
                    raised.extend(
                        inner
                            .into_iter()
                            .map(|(timeout, _, name)| (timeout, call.range(), name)),
                    );
                }
            }
            What::Suspend(Suspension::Enter(item)) => {
                if let Expr::Call(call) = &item.context_expr
                    && let Some(name) = context.name_of(call, step.scope)
                    && matches!(
                        name.as_str(),
                        // `asyncio.timeout` is as new as the one class for all.
                        "async_timeout.timeout" | "async_timeout.timeout_at"
                    )
                {
                    raised.push((Timeout::Asyncio, call.range(), name));
                }
            }
            What::Call(call) => {
                let Some(name) = context.name_of(call, step.scope) else {
                    continue;
                };
                let timeout = match name.as_str() {
                    "trio.fail_after" | "trio.fail_at" => Timeout::Trio,
                    "anyio.fail_after" => Timeout::Builtin,
                    "concurrent.futures.Future.result" if !call.arguments.is_empty() => {
                        Timeout::Concurrent
                    }
                    _ => continue,
                };
                let entered = timeout == Timeout::Concurrent
                    || flow.steps.iter().any(|other| {
                        flow.frames(other.frame).any(|(_, frame)| match frame.kind {
                            FrameKind::With { item, .. } => {
                                item.context_expr.range() == call.range()
                            }
                            _ => false,
                        })
                    });
                if entered {
                    raised.push((timeout, call.range(), name));
                }
            }
            _ => {}
        }
    }
}

fn awaited_timeout(name: &str, call: &ast::ExprCall) -> Option<Timeout> {
    let limited = call
        .arguments
        .find_argument_value("timeout", 1)
        .is_some_and(|timeout| !timeout.is_none_literal_expr());
    (name == "asyncio.wait_for" && limited).then_some(Timeout::Asyncio)
}

/// The right class as it can be written here.
fn replacement(context: &Context<'_>, timeout: Timeout, scope: ScopeId) -> Option<String> {
    let imported = |module: &str| {
        context.names().lookup(module, scope).is_some_and(|(_, bindings)| {
            matches!(bindings, [Binding::Import { alias }] if alias.asname.is_none())
        })
    };
    match timeout {
        Timeout::Asyncio => imported("asyncio").then(|| timeout.name().to_owned()),
        Timeout::Trio => imported("trio").then(|| timeout.name().to_owned()),
        Timeout::Builtin => context
            .names()
            .lookup("TimeoutError", scope)
            .is_none()
            .then(|| timeout.name().to_owned()),
        Timeout::Concurrent => None,
    }
}
