use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextSize};

use crate::checker::{Checker, Report};
use crate::names::ScopeId;
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds code that gets an event loop by hand and also calls `asyncio.run`, as if both were one loop: `get_event_loop` after
    /// `asyncio.run`, and `asyncio.run` after work was given to a loop of one's own.
    ///
    /// ## Why is this bad?
    /// `asyncio.run` makes a new loop, closes it, and leaves the thread without a current loop. `asyncio.get_event_loop` raises
    /// after it. Tasks, timers and clients that were made for another loop never run in this one, or fail with `attached to a different
    /// loop`.
    ///
    /// ## Example
    /// ```python
    /// loop = asyncio.get_event_loop()
    /// bot = Bot(loop=loop)
    /// asyncio.run(bot.start())
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def main():
    ///     bot = Bot()
    ///     await bot.start()
    ///
    ///
    /// asyncio.run(main())
    /// ```
    ///
    /// ## False alarms known
    /// None. One way after the other, each with a loop of its own, is legal and not reported.
    "RIA408", "mixed-loop-entry", default: true, fix: None,
    hooks: [Function(check_function), Module(check_module)],
}

fn check_function(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        check(checker, &function.body, checker.scope());
    }
}

fn check_module(checker: &Checker<'_>, body: &[Stmt]) {
    check(checker, body, ScopeId::MODULE);
}

/// What a body does with loops, in the order of the text.
#[derive(Clone, Copy)]
enum Step<'a> {
    /// `asyncio.run(…)`
    Run(&'a ast::ExprCall),
    /// `asyncio.get_event_loop()`
    Get(&'a ast::ExprCall),
    /// `asyncio.set_event_loop(…)`
    Set,
}

fn check(checker: &Checker<'_>, body: &[Stmt], scope: ScopeId) {
    let context = &checker.context;
    // Without a loop that is got by hand there is nothing to mix.
    if !context.names().imports.contains("asyncio") || !context.text().text.contains("event_loop") {
        return;
    }
    // Only what surely runs one after the other: the statements of one block.
    blocks(body, &mut |block| {
        let mut steps: Vec<(TextSize, Step<'_>)> = Vec::new();
        let mut loops: Vec<(&str, TextSize)> = Vec::new();
        for stmt in block {
            if matches!(stmt, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) || is_branch(stmt) {
                continue;
            }
            uses::exprs(std::slice::from_ref(stmt), false, &mut |expr| {
                let Expr::Call(call) = expr else { return };
                let step = match context.callee_name(call, scope).as_deref() {
                    Some("asyncio.run") => Step::Run(call),
                    Some("asyncio.get_event_loop") => Step::Get(call),
                    Some("asyncio.set_event_loop" | "asyncio.new_event_loop") => Step::Set,
                    _ => return,
                };
                steps.push((call.start(), step));
            });
            if let Stmt::Assign(assign) = stmt
                && let [Expr::Name(name)] = assign.targets.as_slice()
                && let Expr::Call(call) = &*assign.value
                && matches!(
                    context.callee_name(call, scope).as_deref(),
                    Some("asyncio.get_event_loop" | "asyncio.new_event_loop")
                )
            {
                loops.push((name.id.as_str(), assign.end()));
            }
        }
        steps.sort_by_key(|(start, _)| *start);
        let mut run: Option<&ast::ExprCall> = None;
        for (start, step) in &steps {
            match step {
                Step::Set => run = None,
                Step::Get(call) => {
                    if let Some(run) = run {
                        let message = "`asyncio.get_event_loop` raises after `asyncio.run`, which leaves no current loop";
                        checker.report(Report::new(&RULE, *call, message).related(
                            checker,
                            run,
                            "runs a loop of its own, and closes it",
                        ));
                    }
                }
                Step::Run(call) => {
                    run = Some(call);
                    let given = loops
                        .iter()
                        .filter(|(_, end)| end < start)
                        .find_map(|(name, end)| given_work(block, name, *end, *start));
                    if let Some(given) = given {
                        let message =
                            "`asyncio.run` runs a new loop, not the one that was given work before";
                        checker.report(
                            Report::new(&RULE, *call, message)
                                .related(checker, given, "is for the other loop")
                                .help("make it in the coroutine that `asyncio.run` runs"),
                        );
                    }
                }
            }
        }
    });
}

/// Where a loop gets something to run between two places, if nothing else runs it.
fn given_work<'a>(block: &'a [Stmt], name: &str, from: TextSize, to: TextSize) -> Option<&'a Expr> {
    let mut given = None;
    let mut run = false;
    uses::exprs(block, false, &mut |expr| {
        let Expr::Call(call) = expr else { return };
        let is_loop = |expr: &Expr| expr.as_name_expr().is_some_and(|read| read.id == name);
        if let Some(attribute) = call.func.as_attribute_expr()
            && is_loop(&attribute.value)
        {
            match attribute.attr.as_str() {
                "run_until_complete" | "run_forever" | "close" => run = true,
                "create_task" | "call_soon" | "call_later" | "call_at" | "create_future"
                | "add_signal_handler" | "add_reader" | "add_writer" | "run_in_executor"
                    if call.start() > from && call.end() < to =>
                {
                    given = given.or(Some(expr));
                }
                _ => {}
            }
        }
        let passed = call
            .arguments
            .find_keyword("loop")
            .is_some_and(|keyword| is_loop(&keyword.value));
        if passed && call.start() > from && call.end() < to {
            given = given.or(Some(expr));
        }
        // In another thread, say.
        if call.arguments.args.iter().any(is_loop) {
            run = true;
        }
    });
    given.filter(|_| !run)
}

fn is_branch(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::If(_) | Stmt::Match(_) | Stmt::Try(_))
}

/// Every list of statements in a body, without those of functions and classes in it.
fn blocks<'a>(body: &'a [Stmt], seen: &mut dyn FnMut(&'a [Stmt])) {
    seen(body);
    uses::stmts(body, &mut |stmt| match stmt {
        Stmt::If(branch) => {
            seen(&branch.body);
            branch
                .elif_else_clauses
                .iter()
                .for_each(|clause| seen(&clause.body));
        }
        Stmt::Try(attempt) => {
            seen(&attempt.body);
            seen(&attempt.orelse);
            seen(&attempt.finalbody);
        }
        Stmt::For(each) => seen(&each.body),
        Stmt::While(each) => seen(&each.body),
        Stmt::With(with) => seen(&with.body),
        _ => {}
    });
}
