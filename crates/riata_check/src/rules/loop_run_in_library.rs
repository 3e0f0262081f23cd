use ruff_python_ast::{self as ast, Expr};

use crate::blocking::asks_where_it_runs;
use crate::checker::{Checker, Report};
use crate::context::last;
use crate::reach::{Goal, is_guarded, knows_about_loops};
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds functions that run an event loop (`asyncio.run`, `run_until_complete`) without looking whether one runs already, and that are
    /// neither the program's `main` nor a part of its command line. Off by default: `nested-event-loop` reports those that a coroutine of
    /// the project calls.
    ///
    /// ## Why is this bad?
    /// Users call a library's function from a notebook, a web framework or a test, where a loop runs. Then it fails: "asyncio.run()
    /// cannot be called from a running event loop".
    ///
    /// ## Example
    /// ```python
    /// class Agent:
    ///     def run_sync(self, prompt):
    ///         return asyncio.run(self.run(prompt))
    /// ```
    ///
    /// ## Use instead
    /// Offer the coroutine, and where it must be a plain function, run it in a thread of its own:
    ///
    /// ```python
    /// class Agent:
    ///     def run_sync(self, prompt):
    ///         with ThreadPoolExecutor(1) as pool:
    ///             return pool.submit(asyncio.run, self.run(prompt)).result()
    /// ```
    ///
    /// ## False alarms known
    /// Functions of a program that is only ever started from a shell.
    "RIA411", "loop-run-in-library", default: false, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let context = &checker.context;
    let name = function.name.as_str();
    let is_program = |name: &str| {
        name.split('_').any(|word| {
            matches!(
                word,
                "main"
                    | "cli"
                    | "command"
                    | "commands"
                    | "test"
                    | "tests"
                    | "conftest"
                    | "scripts"
                    | "examples"
            )
        })
    };
    if function.is_async
        || is_program(name)
        || context.text().name.split('.').any(is_program)
        || context.text().name.is_empty()
        || is_program(last(&context.text().name))
        || asks_where_it_runs(&function.body)
        || knows_about_loops(&function.body, Goal::EntersLoop)
        || !function.decorator_list.is_empty() && is_command(checker, function)
    {
        return;
    }
    let mut calls: Vec<&ast::ExprCall> = Vec::new();
    let mut makes_loop = false;
    uses::exprs(&function.body, false, &mut |expr| {
        let Expr::Call(call) = expr else { return };
        match uses::called_name(call) {
            "run" | "run_until_complete" => calls.push(call),
            "Thread" | "new_event_loop" => makes_loop = true,
            _ => {}
        }
    });
    if makes_loop {
        return;
    }
    for call in calls {
        let is_entry = uses::called_name(call) == "run_until_complete"
            || checker.callee_name(call).as_deref() == Some("asyncio.run");
        if !is_entry || is_guarded(&function.body, ruff_text_size::Ranged::range(call)) {
            continue;
        }
        let name = context.source(&*call.func);
        checker.report(
            Report::new(
                &RULE,
                call,
                format!(
                    "`{name}` fails where an event loop runs already, and callers may have one"
                ),
            )
            .help("offer the coroutine, or run it in a thread of its own"),
        );
    }
}

/// `@click.command()`, `@app.command()`: a shell starts it.
fn is_command(checker: &Checker<'_>, function: &ast::StmtFunctionDef) -> bool {
    function.decorator_list.iter().any(|decorator| {
        let text = checker.context.source(&decorator.expression);
        ["command", "callback", "task", "job", "fixture"]
            .iter()
            .any(|word| text.contains(word))
    })
}
