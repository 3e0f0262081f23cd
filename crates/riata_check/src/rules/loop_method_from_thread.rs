use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::body::{self, Event};
use crate::checker::{Checker, Report};
use crate::context::Context;
use crate::diagnostic::{Edit, Fix};
use crate::flow::{FrameId, What};
use crate::locks::{classes, method_call, split};
use crate::names::ScopeId;
use crate::program::Def;
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds methods of asyncio's loops, queues, events, locks, tasks and futures that are called in another thread than the loop's: in a
    /// function that is given to a thread, an executor or a library that calls back from a thread of its own, in the `run` of a
    /// subclass of `Thread`, or in what these call. Also tasks that are started there.
    ///
    /// ## Why is this bad?
    /// They are not made for it. The loop is not woken, so that what was put into a queue lies there until something else happens;
    /// its own state may be read while it is half written.
    ///
    /// ## Example
    /// ```python
    /// def worker():
    ///     queue.put_nowait(compute())
    ///
    ///
    /// threading.Thread(target=worker).start()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// def worker():
    ///     loop.call_soon_threadsafe(queue.put_nowait, compute())
    ///
    ///
    /// threading.Thread(target=worker).start()
    /// ```
    ///
    /// ## Fix safety
    /// `call_soon` becomes `call_soon_threadsafe`. The fix is unsafe: it cannot know what else the thread does.
    ///
    /// ## False alarms known
    /// A thread that runs the loop itself.
    "RIA708", "loop-method-from-thread", default: true, fix: Unsafe,
    hooks: [Call(handed_to_thread), Stmt(assigned_to_thread), Function(run_by_thread)],
}

/// `Thread(target=f)`, `run_in_executor(None, f)`, `to_thread(f)`.
fn handed_to_thread(checker: &Checker<'_>, call: &ast::ExprCall) {
    let Some(hands_off) = checker
        .facts(call)
        .and_then(|facts| facts.hands_off.as_deref())
    else {
        return;
    };
    let callees = checker.callees(call);
    // Processes share nothing, and greenlets run in the same thread.
    if callees
        .iter()
        .any(|callee| callee.name.contains("Process") || callee.name.starts_with("sqlalchemy."))
    {
        return;
    }
    let positions = hands_off
        .arguments
        .iter()
        .filter_map(|index| call.arguments.args.get(*index));
    let keywords = hands_off.keywords.iter().filter_map(|name| {
        call.arguments
            .find_keyword(name)
            .map(|keyword| &keyword.value)
    });
    for function in positions.chain(keywords) {
        given_to_thread(checker, call.range(), function, checker.scope());
    }
}

/// `client.on_message = self.on_message`, where the client has a thread that calls it.
fn assigned_to_thread(checker: &Checker<'_>, stmt: &Stmt) {
    let Stmt::Assign(assign) = stmt else { return };
    let [Expr::Attribute(target)] = assign.targets.as_slice() else {
        return;
    };
    if !target.attr.starts_with("on_") && !target.attr.starts_with("when_") {
        return;
    }
    let context = &checker.context;
    let value = checker.value(&target.value);
    let calls = classes(&value).is_some_and(|classes| {
        classes.iter().any(|class| {
            context
                .knowledge()
                .facts(&format!("{class}.{}", target.attr))
                .is_some_and(|facts| facts.runs_in_thread)
        })
    });
    if calls && !is_driven_by_loop(context) {
        given_to_thread(checker, stmt.range(), &assign.value, checker.scope());
    }
}

/// A client whose sockets the event loop watches calls back in the loop's thread.
fn is_driven_by_loop(context: &Context<'_>) -> bool {
    let text = &context.text().text;
    ["loop_misc", "loop_read", "on_socket_open"]
        .iter()
        .any(|word| text.contains(word))
}

/// What a thread gets to call: a function, a lambda, a method of the loop's, a partial of any of them.
fn given_to_thread(checker: &Checker<'_>, given: TextRange, function: &Expr, scope: ScopeId) {
    let context = &checker.context;
    match function {
        Expr::Lambda(lambda) => {
            let Some(inner) = context.names().of_lambda(lambda) else {
                return;
            };
            body::events_of(context.names(), &lambda.body, inner, &mut |event| {
                if let Event::Call { call, scope, .. } = event
                    && let Some(name) = of_the_loop(context, call, scope)
                {
                    report_here(checker, given, call.range(), &name, call_soon(call));
                }
            });
        }
        Expr::Call(call) if uses::called_name(call) == "partial" => {
            if let Some(function) = call.arguments.args.first() {
                given_to_thread(checker, given, function, scope);
            }
        }
        Expr::Attribute(method) if method_of_the_loop(context, method, scope) => {
            let name = context.source(method);
            report_here(checker, given, method.range(), name, None);
        }
        _ => {
            for meant in &*context.meant(function, scope) {
                let Some(def) = meant.own_function(context.program()) else {
                    continue;
                };
                let mut chain = Vec::new();
                if let Some(found) = in_thread(context, def, 0, &mut chain) {
                    report(checker, given, &found);
                }
            }
        }
    }
}

/// A call that belongs to the loop's thread.
struct Unsafe {
    def: Def,
    range: TextRange,
    name: String,
    /// The attribute, when it is `call_soon`.
    call_soon: Option<TextRange>,
}

fn in_thread(
    context: &Context<'_>,
    def: Def,
    depth: usize,
    chain: &mut Vec<Def>,
) -> Option<Unsafe> {
    if depth > 2 || chain.contains(&def) {
        return None;
    }
    chain.push(def);
    context.in_function(def, |context, function, own| {
        let text = context.source(function);
        // A thread with a loop of its own, or code that looks which thread it is in.
        if function.is_async
            || [
                "run_until_complete",
                "asyncio.run(",
                "run_forever",
                "new_event_loop",
                "get_running_loop",
                "get_ident",
                "current_thread",
                "_threadsafe",
            ]
            .iter()
            .any(|word| text.contains(word))
        {
            return None;
        }
        let flow = context.flow(own);
        for step in &flow.steps {
            let What::Call(call) = step.what else {
                continue;
            };
            if let Some(name) = of_the_loop(context, call, step.scope) {
                return Some(Unsafe {
                    def,
                    range: call.range(),
                    name,
                    call_soon: call_soon(call),
                });
            }
            for callee in &*context.callees(call, step.scope) {
                if let Some(inner) = callee.own_function(context.program())
                    && let Some(found) = in_thread(context, inner, depth + 1, chain)
                {
                    return Some(found);
                }
            }
        }
        None
    })?
}

fn call_soon(call: &ast::ExprCall) -> Option<TextRange> {
    match &*call.func {
        Expr::Attribute(found) if found.attr.as_str() == "call_soon" => Some(found.attr.range()),
        _ => None,
    }
}

/// The name of what only the loop's thread may call.
fn of_the_loop(context: &Context<'_>, call: &ast::ExprCall, scope: ScopeId) -> Option<String> {
    let is_it = match &*call.func {
        Expr::Attribute(method) if method_of_the_loop(context, method, scope) => true,
        // It starts a task, in whatever loop.
        _ => matches!(
            context.callee_name(call, scope).as_deref(),
            Some("asyncio.create_task" | "asyncio.ensure_future")
        ),
    };
    is_it.then(|| context.source(&*call.func).to_owned())
}

/// Whether a method is one that only the loop's thread may call.
fn method_of_the_loop(context: &Context<'_>, method: &ast::ExprAttribute, scope: ScopeId) -> bool {
    let name = method.attr.as_str();
    let of: fn(&str) -> bool = match name {
        "put_nowait" => |class| class.ends_with("Queue"),
        "set" => |class| class == "Event",
        "set_result" | "set_exception" => |class| class == "Future",
        "cancel" => |class| matches!(class, "Task" | "Future"),
        "release" => |class| matches!(class, "Lock" | "Semaphore" | "BoundedSemaphore"),
        "notify" | "notify_all" => |class| class == "Condition",
        "call_soon" | "call_later" | "call_at" | "create_task" | "stop" => {
            |class| class.ends_with("Loop")
        }
        _ => return false,
    };
    let value = context.value(&method.value, scope);
    classes(&value).is_some_and(|classes| {
        !classes.is_empty()
            && classes.iter().all(|class| {
                let (module, class) = split(class);
                module.split('.').next() == Some("asyncio") && of(class)
            })
    })
}

/// Report a call in the very expression that a thread is given.
fn report_here(
    checker: &Checker<'_>,
    given: TextRange,
    at: TextRange,
    name: &str,
    call_soon: Option<TextRange>,
) {
    let report = Report::new(
        &RULE,
        at,
        format!("`{name}` is called in another thread than the event loop's"),
    )
    .related(checker, given, "it is given to a thread here");
    checker.report(advised(report, call_soon));
}

fn report(checker: &Checker<'_>, given: TextRange, found: &Unsafe) {
    let context = &checker.context;
    let here = context.def_at(found.def.start).file == found.def.file;
    let message = format!(
        "`{}` is called in another thread than the event loop's",
        found.name
    );
    let report = if here {
        Report::new(&RULE, found.range, message).related(
            checker,
            given,
            "the function is given to a thread here",
        )
    } else {
        Report::new(&RULE, given, message)
    };
    checker.report(advised(report, found.call_soon.filter(|_| here)));
}

fn advised(report: Report, call_soon: Option<TextRange>) -> Report {
    match call_soon {
        Some(attribute) => report.fix(Fix::risky(
            "Use `call_soon_threadsafe`",
            vec![Edit::replace(attribute, "call_soon_threadsafe")],
        )),
        None => report.help("hand it to the loop with `loop.call_soon_threadsafe(…)`"),
    }
}

/// `run` of a thread, a method that a library's thread calls, or a function that says so itself.
fn run_by_thread(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let context = &checker.context;
    if context.runs_in_thread(function, checker.scope()) {
        let def = context.def_at(function.name.start());
        if let Some(found) = in_thread(context, def, 0, &mut Vec::new()) {
            report(checker, function.name.range(), &found);
        }
    }
    meant_for_threads(checker, function);
}

/// Functions that say themselves that other threads call them.
fn meant_for_threads(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if function.is_async {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    let name = function.name.as_str();
    let by_name = [
        "threadsafe",
        "from_thread",
        "from_executor",
        "from_other_thread",
    ]
    .iter()
    .any(|word| name.contains(word));
    let safe: Vec<FrameId> = flow
        .steps
        .iter()
        .filter_map(|step| match step.what {
            What::Call(call) => method_call(call, &["call_soon_threadsafe"]).map(|_| step.frame),
            _ => None,
        })
        .collect();
    for step in &flow.steps {
        let What::Call(call) = step.what else {
            continue;
        };
        if by_name
            && safe.is_empty()
            && let Some(attribute) = call_soon(call)
            && let Expr::Attribute(method) = &*call.func
            && context.source(&*method.value).ends_with("loop")
        {
            checker.report(
                Report::new(
                    &RULE,
                    call.range(),
                    format!(
                        "`{}` is called in another thread than the event loop's",
                        context.source(&*call.func)
                    ),
                )
                .fix(Fix::risky(
                    "Use `call_soon_threadsafe`",
                    vec![Edit::replace(attribute, "call_soon_threadsafe")],
                )),
            );
        } else if safe.contains(&step.frame)
            && method_call(call, &["put_nowait"]).is_some()
            && let Some(name) = of_the_loop(context, call, step.scope)
        {
            checker.report(
                Report::new(&RULE, call.range(), format!("`{name}` is called in another thread than the event loop's"))
                    .help("hand it to the loop with `loop.call_soon_threadsafe(…)`, not only what wakes it"),
            );
        }
    }
}
