use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::annotations::{callable, is_plain, is_plain_value, last_name};
use crate::callbacks::callback_by_name;
use crate::checker::{Checker, Report};
use crate::context::{Context, Value};
use crate::functions::{is_generator, is_stub};
use crate::given::{fate_of_parameter, parameter};
use crate::lost::is_expected_to_fail;
use crate::names::{ScopeId, ScopeNode};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds async functions given where a synchronous one is called: signal handlers, done callbacks, `call_soon`, threads and
    /// executors, sort keys, `atexit`, and parameters that are declared as a callable with a plain result.
    ///
    /// ## Why is this bad?
    /// The call only makes a coroutine, which nobody awaits. The callback never does anything.
    ///
    /// ## Example
    /// ```python
    /// async def finished(task): ...
    ///
    ///
    /// task.add_done_callback(finished)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// def finished(task):
    ///     follow_up = asyncio.create_task(after(task))
    ///     follow_ups.add(follow_up)
    ///     follow_up.add_done_callback(follow_ups.discard)
    ///
    ///
    /// task.add_done_callback(finished)
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix.
    ///
    /// ## False alarms known
    /// An annotation that says less than the code does: `Callable[[], bool]` whose result is awaited where it is awaitable.
    "RIA207", "async-function-as-sync-callback", default: true, fix: None,
    hooks: [Call(check), Stmt(check_assignment)],
}

/// `reader.feed_data = self.on_event`: an async method takes the place of one that others call.
fn check_assignment(checker: &Checker<'_>, stmt: &Stmt) {
    let Stmt::Assign(assign) = stmt else { return };
    let [Expr::Attribute(target)] = assign.targets.as_slice() else {
        return;
    };
    if checker.context.is_test_module()
        || !matches!(&*assign.value, Expr::Name(_) | Expr::Attribute(_))
    {
        return;
    }
    let Value::Instance(_) = checker.value(&target.value) else {
        return;
    };
    let replaced = checker
        .context
        .class_of(&target.value, checker.scope())
        .and_then(|class| checker.context.method(class, target.attr.as_str()));
    let was_plain = replaced.is_some_and(|def| {
        checker
            .context
            .worker
            .function(def)
            .is_some_and(|function| {
                // A setter takes anything.
                !function.is_async && !function.is_generator && function.decorators_are_plain()
            })
            && checker.context.worker.module_of(def).is_some()
            && checker.context.in_module_of(def, |context| {
                let found = context.names().function_at(def.start);
                found.is_some_and(|(function, _, scope)| match &function.returns {
                    // Of the standard library only this is seen.
                    Some(returns) => is_plain(context, returns, scope),
                    None => !is_stub(function),
                })
            })
    });
    if was_plain
        && let Some(name) = async_function(checker, &assign.value)
        && !is_expected_to_fail(checker)
    {
        let message = format!(
            "Async function `{name}` takes the place of `{}`, which is called and not awaited",
            checker.context.source(target)
        );
        checker.report(
            Report::new(&RULE, &*assign.value, message)
                .help("put a plain function there that starts a task and keeps it"),
        );
    }
}

fn check(checker: &Checker<'_>, call: &ast::ExprCall) {
    let mut said = Vec::new();
    let mut report = |argument: &Expr, name: &str, help: Option<&str>| {
        if said.contains(&argument.range()) || is_expected_to_fail(checker) {
            return;
        }
        said.push(argument.range());
        let message = format!(
            "Async function `{name}` is given to `{}`, which calls it and awaits nothing",
            checker.context.source(&*call.func)
        );
        let help = help.unwrap_or("give a plain function that starts a task and keeps it");
        checker.report(Report::new(&RULE, argument, message).help(help));
    };
    let mut known = false;
    if let Some(facts) = checker.facts(call) {
        // Frameworks and schedulers that run plain functions in threads await async ones.
        let hands_off = facts.hands_off.as_ref().filter(|_| {
            checker.callees(call).iter().all(|callee| {
                [
                    "threading.",
                    "concurrent.futures.",
                    "multiprocessing.",
                    "asyncio.",
                    "anyio.to_thread.",
                    "trio.to_thread.",
                ]
                .iter()
                .any(|library| callee.name.starts_with(library))
            })
        });
        for arguments in [facts.callback.as_ref(), hands_off].into_iter().flatten() {
            known = true;
            for index in &arguments.arguments {
                let before = call.arguments.args.iter().take(*index + 1);
                if before.clone().any(Expr::is_starred_expr) {
                    continue;
                }
                if let Some(argument) = call.arguments.args.get(*index)
                    && let Some(name) = async_function(checker, argument)
                {
                    report(argument, &name, None);
                }
            }
            for keyword in &arguments.keywords {
                if let Some(found) = call.arguments.find_keyword(keyword)
                    && let Some(name) = async_function(checker, &found.value)
                {
                    report(&found.value, &name, None);
                }
            }
        }
    }
    if known
        || checker
            .facts(call)
            .is_some_and(|facts| facts.hands_off.is_some())
    {
        return;
    }
    if let Some(callback) = callback_by_name(&checker.context, call, checker.scope())
        && let Some(argument) = call.arguments.args.get(callback.index)
        && let Some(name) = async_function(checker, argument)
    {
        report(argument, &name, None);
        return;
    }
    // A parameter that is declared as a callable whose result is used as it is.
    let arguments = call
        .arguments
        .args
        .iter()
        .chain(call.arguments.keywords.iter().map(|keyword| &keyword.value));
    for argument in arguments {
        if may_name_function(argument)
            && let Some(name) = async_function(checker, argument)
            && takes_plain_callable(checker, call, argument)
        {
            report(
                argument,
                &name,
                Some("give a plain function, or let the result be awaited where it is called"),
            );
        }
    }
}

/// The async function that an expression stands for: by name, in a `partial`, or called by a lambda.
fn async_function(checker: &Checker<'_>, expr: &Expr) -> Option<String> {
    match expr {
        Expr::Call(partial) if last_name(&partial.func) == Some("partial") => {
            async_function(checker, partial.arguments.args.first()?)
        }
        Expr::Lambda(lambda) => {
            let scope = checker.context.names().of_lambda(lambda)?;
            let Expr::Call(call) = &*lambda.body else {
                return None;
            };
            is_async(checker, &call.func, scope)
                .then(|| checker.context.source(&*call.func).to_owned())
        }
        Expr::Name(_) | Expr::Attribute(_) => is_async(checker, expr, checker.scope())
            .then(|| checker.context.source(expr).to_owned()),
        _ => None,
    }
}

/// Whether an expression stands for async functions alone.
pub(super) fn is_async(checker: &Checker<'_>, func: &Expr, scope: ScopeId) -> bool {
    let meant = checker.context.meant(func, scope);
    !meant.is_empty()
        && !checker.context.may_be_unknown(func, scope)
        && meant.iter().all(|callee| {
            !callee.is_class
                && callee
                    .def
                    .and_then(|def| checker.context.worker.function(def))
                    .is_some_and(|function| function.gives_coroutine() && !function.is_property())
        })
}

fn may_name_function(argument: &Expr) -> bool {
    match argument {
        Expr::Name(_) | Expr::Attribute(_) => true,
        Expr::Call(partial) => last_name(&partial.func) == Some("partial"),
        _ => false,
    }
}

/// Whether a callable that a call is given is declared to give a plain value, or what it gives is dropped wherever it is called.
fn takes_plain_callable(checker: &Checker<'_>, call: &ast::ExprCall, argument: &Expr) -> bool {
    let callees = checker.callees(call);
    let [callee] = &*callees else { return false };
    let Some(mut def) = callee.def else {
        return false;
    };
    if callee.is_class {
        match checker.context.method(def, "__init__") {
            Some(init) => def = init,
            None => return false,
        }
    }
    let Some(module) = checker.context.worker.module_of(def) else {
        return false;
    };
    let context = Context::new(checker.context.worker, &module);
    let Some((function, _, scope)) = module.names().function_at(def.start) else {
        return false;
    };
    let Some(described) = checker.context.worker.function(def) else {
        return false;
    };
    if described
        .decorators
        .iter()
        .any(|name| name == "typing.overload")
        || is_generator(function)
    {
        return false;
    }
    let is_method = matches!(module.names().scope(scope).node, ScopeNode::Class(_))
        && !described
            .decorators
            .iter()
            .any(|name| name == "builtins.staticmethod");
    let Some(parameter) = parameter(function, call, argument, is_method) else {
        return false;
    };
    let is_plain = parameter
        .annotation
        .as_deref()
        .and_then(callable)
        .is_some_and(|(_, returned)| is_plain_value(&context, returned, scope));
    let class = match module.names().scope(scope).node {
        // All of it is looked at for what becomes of a callable that it keeps.
        ScopeNode::Class(class) => context
            .worker
            .module_of(context.def_at(class.name.start()))
            .map(|_| class),
        _ => None,
    };
    is_plain
        || (described.decorators_are_plain()
            && fate_of_parameter(function, class, parameter.name.as_str()).is_dropped())
}
