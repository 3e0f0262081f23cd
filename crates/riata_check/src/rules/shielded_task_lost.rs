use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::flow::{Suspension, What};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds `await asyncio.shield(task)` where only a local name refers to the task.
    ///
    /// ## Why is this bad?
    /// When the function is cancelled, the shielded task goes on and the local is gone. The event loop keeps weak references to tasks only:
    /// the task may be collected before it is done, and nobody sees its exception.
    ///
    /// ## Example
    /// ```python
    /// task = asyncio.create_task(self.resolve(host))
    /// return await asyncio.shield(task)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// task = asyncio.create_task(self.resolve(host))
    /// self.tasks.add(task)
    /// task.add_done_callback(self.tasks.discard)
    /// return await asyncio.shield(task)
    /// ```
    ///
    /// ## False alarms known
    /// A task that is kept by what it waits for.
    "RIA609", "shielded-task-lost", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async {
        return;
    }
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    for step in &flow.steps {
        let What::Suspend(Suspension::Await(awaited)) = &step.what else {
            continue;
        };
        let Expr::Call(shield) = &*awaited.value else {
            continue;
        };
        let [Expr::Name(task)] = &*shield.arguments.args else {
            continue;
        };
        if context.callee_name(shield, step.scope).as_deref() != Some("asyncio.shield") {
            continue;
        }
        let made_here = flow.steps.iter().any(|other| match other.what {
            What::Write {
                target: Expr::Name(name),
                value: Some(Expr::Call(call)),
                ..
            } => {
                name.id == task.id
                    && context.callee_name(call, other.scope).is_some_and(|name| {
                        name.ends_with(".create_task") || name == "asyncio.ensure_future"
                    })
                    && !context
                        .callee_name(call, other.scope)
                        .is_some_and(|name| name.contains("TaskGroup"))
            }
            _ => false,
        });
        if !made_here {
            continue;
        }
        // Any other use may keep it, but for a callback of its own, which does not.
        let kept = flow.steps.iter().any(|other| match other.what {
            What::Read(expr @ Expr::Name(name)) => {
                name.id == task.id
                    && !shield.range().contains_range(expr.range())
                    && !is_callback(
                        context
                            .text()
                            .text
                            .get(usize::from(expr.end())..)
                            .unwrap_or_default(),
                    )
            }
            _ => false,
        });
        if !kept {
            checker.report(
                Report::new(
                    &RULE,
                    shield.range(),
                    format!(
                        "The shielded task is lost when this is cancelled: only `{}` refers to it",
                        task.id
                    ),
                )
                .help("keep the task in a set until it is done"),
            );
        }
    }
}

/// `.add_done_callback(`, right behind the name.
fn is_callback(rest: &str) -> bool {
    rest.starts_with(".add_done_callback(")
        && !rest.lines().next().unwrap_or_default().contains("discard")
}
