use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::blocking::{Chain, Run, Runs};
use crate::body::{self, Event, Use};
use crate::checker::{Checker, Report};
use crate::context::last;
use crate::functions::CALLBACK;
use crate::knowledge::BlockKind;
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds calls in an `async def` of synchronous functions that block, at any depth: in the same file, in another
    /// module, in a method, a constructor, a property, a context manager, an iterator or an operator, in what a decorator of
    /// the project puts around a function, under whatever name it is called. What the loop is given to call counts as well:
    /// `loop.call_later`, `task.add_done_callback`.
    ///
    /// ## Why is this bad?
    /// The loop waits just as long as for a direct call, and nobody who reads the coroutine sees it.
    ///
    /// ## Example
    /// ```python
    /// def load(path):
    ///     return requests.get(BASE + path).json()
    ///
    ///
    /// async def handler(request):
    ///     return load(request.path)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def handler(request):
    ///     return await asyncio.to_thread(load, request.path)
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix: whether the helper may run in a thread is not for a tool to say.
    ///
    /// ## False alarms known
    /// A helper that blocks only on a way that the coroutine does not take. Say so on its `def` line:
    /// `# riata: does-not-block`. A function that looks which thread it runs in, or whether it is called from a loop, is left
    /// alone. So is a call whose other way, in the same `if`, hands the helper to a thread, and so is what a module that runs
    /// a loop in a thread gives to a loop. Nobody waits in a test, or for the files of a command line (`cli`, `__main__`).
    "RIA102", "blocking-call-through-helper", default: true, fix: None,
    hooks: [Function(check), Call(check_callback)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let Some(what) = checker.context.runs_in_loop(function, checker.scope()) else {
        return;
    };
    let context = &checker.context;
    body::events(
        context.names(),
        &function.body,
        checker.scope(),
        &mut |event| {
            context.runs(event, &mut |range, run| {
                let Run::Function { runs, name } = run else {
                    return;
                };
                let Some(chain) = context.worker.chain(runs) else {
                    return;
                };
                if is_harmless(checker, function, event, runs, &name, &chain) {
                    return;
                }
                let help = in_a_thread(checker, event, range);
                checker.report(described(range, what, &name, &chain).help(help));
            });
        },
    );
}

/// What the loop is given to call blocks it as well, wherever it is given.
fn check_callback(checker: &Checker<'_>, call: &ast::ExprCall) {
    let context = &checker.context;
    let when_ready = matches!(uses::called_name(call), "add_reader" | "add_writer");
    context.loop_runs(call, checker.scope(), &mut |range, run| {
        let Run::Function { runs, name } = run else {
            return;
        };
        let Some(chain) = context.worker.chain(runs) else {
            return;
        };
        let end = chain.links.last().map_or("", |link| &*link.callee);
        let kind = chain.blocks.kind;
        // Most callbacks of futures ask for a result that is there, and what is ready to be read is read at once.
        let is_quick = kind == BlockKind::Thread
            || when_ready && !matches!(kind, BlockKind::Sleep | BlockKind::Process);
        if !is_quick && !context.nobody_waits(end, kind) {
            let help = "let the callback start a task, and run what blocks in a thread";
            checker.report(described(range, CALLBACK, &name, &chain).help(help));
        }
    });
}

fn described(range: TextRange, what: &str, name: &str, chain: &Chain) -> Report {
    let message = match chain.links.last() {
        Some(last) => format!("{what} calls `{name}`, which blocks in `{}`", last.callee),
        None => format!("{what} calls `{name}`, which blocks"),
    };
    Report::new(&RULE, range, message)
        .along(&chain.links)
        .caused_by(&chain.links)
}

/// How the call would look in a thread, when it is short enough to be shown.
fn in_a_thread(checker: &Checker<'_>, event: Event<'_>, range: TextRange) -> String {
    const LONGEST: usize = 60;
    if let Event::Call {
        call,
        used: Use::Plain,
        ..
    } = event
        && call.range() == range
    {
        let func = checker.context.source(&*call.func);
        let arguments = checker.context.source(&call.arguments);
        let arguments = arguments
            .trim_start_matches('(')
            .trim_end_matches([')', ','])
            .trim();
        let all = if arguments.is_empty() {
            func.to_owned()
        } else {
            format!("{func}, {arguments}")
        };
        if all.len() <= LONGEST && !all.contains(['\n', '#', '(', ')']) {
            return format!("run it in a thread: `await asyncio.to_thread({all})`");
        }
    }
    "run it in a thread, with `await asyncio.to_thread(...)`".to_owned()
}

/// What a helper waits for is not waited for from here.
fn is_harmless(
    checker: &Checker<'_>,
    function: &ast::StmtFunctionDef,
    event: Event<'_>,
    runs: Runs,
    name: &str,
    chain: &Chain,
) -> bool {
    let context = &checker.context;
    let end = chain.links.last().map_or("", |link| &*link.callee);
    if context.nobody_waits(end, chain.blocks.kind) {
        return true;
    }
    let Event::Call {
        call, scope, place, ..
    } = event
    else {
        return false;
    };
    // What clears up after the end of a task or a generator.
    if place.at_the_end || context.is_handed_off_otherwise(function, call) {
        return true;
    }
    if context.is_shut(call, scope, runs.def, &chain.links) {
        return true;
    }
    if chain.blocks.kind != BlockKind::Thread {
        return false;
    }
    let mut awaited = false;
    let mut asked = false;
    uses::exprs(&function.body, false, &mut |expr| match expr {
        Expr::Await(found) => awaited |= found.start() < call.start(),
        Expr::Call(found) => {
            asked |= found.start() < call.start()
                && matches!(uses::called_name(found), "empty" | "qsize");
        }
        _ => {}
    });
    // Where a coroutine asks for the result of an object of its own, it has mostly waited for it before; and a queue that was
    // asked whether it is empty has something.
    let waits_on_queue = chain
        .links
        .last()
        .is_some_and(|link| link.callee.ends_with("Queue.get"));
    awaited && matches!(last(name), "result" | "exception") || asked && waits_on_queue
}
