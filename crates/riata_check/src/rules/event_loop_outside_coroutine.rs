use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::blocking::{Run, Runs, asks_where_it_runs};
use crate::body;
use crate::checker::{Checker, Report};
use crate::diagnostic::{Edit, Fix};
use crate::names::ScopeId;
use crate::reach::{Goal, is_guarded, knows_about_loops};
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds `asyncio.get_event_loop` where certainly no loop runs: in a module's own code, in what that calls, and in functions that
    /// run the loop which they got.
    ///
    /// ## Why is this bad?
    /// Where no loop runs and none was set, `get_event_loop` made one, with a warning since Python 3.12. Python 3.14 raises
    /// `RuntimeError: There is no current event loop`. A loop that is got while a module is imported is not the one that
    /// `asyncio.run` makes later, so what is made for it fails.
    ///
    /// ## Example
    /// ```python
    /// def main():
    ///     loop = asyncio.get_event_loop()
    ///     loop.run_until_complete(serve())
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// def main():
    ///     asyncio.run(serve())
    /// ```
    ///
    /// ## Fix safety
    /// `asyncio.new_event_loop()` in a function that runs the loop. Unsafe: `get_event_loop` gives the same loop again when it is called
    /// twice, also elsewhere.
    ///
    /// ## False alarms known
    /// A loop that was set before, in another module.
    "RIA409", "event-loop-outside-coroutine", default: true, fix: Unsafe,
    hooks: [Module(check_module), Function(check_function)],
}

const MESSAGE: &str = "`asyncio.get_event_loop` is called where no event loop runs";

fn check_module(checker: &Checker<'_>, body: &[Stmt]) {
    let context = &checker.context;
    if asks_where_it_runs(body) || knows_about_loops(body, Goal::AsksForLoop) {
        return;
    }
    check_body(checker, body);
    // A class's body runs with the module's.
    for (class, scope) in &context.names().classes {
        if *scope == ScopeId::MODULE {
            check_body(checker, &class.body);
        }
    }
}

/// The calls of a body that runs when the module does.
fn check_body(checker: &Checker<'_>, body: &[Stmt]) {
    let context = &checker.context;
    body::events(context.names(), body, ScopeId::MODULE, &mut |event| {
        if let Some((range, _)) = context.reaches(Goal::AsksForLoop, event) {
            if !is_guarded(body, range) {
                checker.report(Report::new(&RULE, range, MESSAGE).help("call it in a coroutine"));
            }
            return;
        }
        context.runs(event, &mut |range, run| {
            let Run::Function {
                runs: Runs { def, .. },
                name,
            } = run
            else {
                return;
            };
            if !context.worker.program.is_first_party(def.file) || is_guarded(body, range) {
                return;
            }
            let Some(links) = context.worker.reach(Goal::AsksForLoop, def) else {
                return;
            };
            // One that runs the loop has a report of its own.
            if links
                .iter()
                .any(|link| link.callee.is_empty() || !link.first_party)
                || context.worker.reach(Goal::EntersLoop, def).is_some()
            {
                return;
            }
            let message =
                format!("`{name}` calls `asyncio.get_event_loop` while no event loop runs");
            checker.report(
                Report::new(&RULE, range, message)
                    .along(&links)
                    .help("call it in a coroutine"),
            );
        });
    });
}

/// A function that gets a loop and runs it: none runs there.
fn check_function(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    for get in in_function(checker, function) {
        let mut report =
            Report::new(&RULE, get, MESSAGE).help("give the coroutine to `asyncio.run`");
        if let Expr::Attribute(attribute) = &*get.func {
            let edit = Edit::replace(attribute.attr.range(), "new_event_loop");
            report = report.fix(Fix::risky("Make a new loop", vec![edit]));
        }
        checker.report(report);
    }
}

/// The calls of `get_event_loop` in a function that runs what they give.
pub(super) fn in_function<'a>(
    checker: &Checker<'_>,
    function: &'a ast::StmtFunctionDef,
) -> Vec<&'a ast::ExprCall> {
    if function.is_async
        || asks_where_it_runs(&function.body)
        || knows_about_loops(&function.body, Goal::AsksForLoop)
    {
        return Vec::new();
    }
    let context = &checker.context;
    let mut runs = Vec::new();
    let mut gets = Vec::new();
    uses::exprs(&function.body, false, &mut |expr| {
        let Expr::Call(call) = expr else { return };
        match uses::called_name(call) {
            "run_until_complete" | "run_forever" => {
                if let Some(attribute) = call.func.as_attribute_expr() {
                    runs.push(&*attribute.value);
                }
            }
            "get_event_loop"
                if context.callee_name(call, checker.scope()).as_deref()
                    == Some("asyncio.get_event_loop") =>
            {
                gets.push(call);
            }
            _ => {}
        }
    });
    gets.retain(|get| {
        let direct = runs.iter().any(|run| run.range() == get.range());
        let named = || {
            assigned_name(&function.body, get).is_some_and(|name| {
                runs.iter()
                    .any(|run| run.as_name_expr().is_some_and(|read| read.id == name))
            })
        };
        !is_guarded(&function.body, get.range()) && (direct || named())
    });
    gets
}

/// The name that a call's result is assigned to.
fn assigned_name<'a>(body: &'a [Stmt], call: &ast::ExprCall) -> Option<&'a str> {
    let mut found = None;
    uses::stmts(body, &mut |stmt| {
        let Stmt::Assign(assign) = stmt else { return };
        if assign.value.range() == call.range()
            && let [Expr::Name(name)] = assign.targets.as_slice()
        {
            found = Some(name.id.as_str());
        }
    });
    found
}
