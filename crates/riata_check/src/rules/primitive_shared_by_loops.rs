use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::checker::{Checker, Report};
use crate::names::ScopeNode;
use crate::rules::{primitive_at_import, rule};

rule! {
    /// ## What it does
    /// Finds locks, events, queues and semaphores of asyncio that are made once for the whole process: in the body of a module
    /// or of a class, or as the default of a parameter. Off by default: `primitive-at-import` reports those that go wrong in the
    /// program itself.
    ///
    /// ## Why is this bad?
    /// Since Python 3.10 such an object belongs to the first event loop that has to wait for it, and fails with "is bound to a
    /// different event loop" in every other: in the second `asyncio.run`, in the tests, which run a loop each, in a thread
    /// with a loop of its own. A library cannot know how many loops its users run.
    ///
    /// ## Example
    /// ```python
    /// class Client:
    ///     _lock = asyncio.Lock()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// class Client:
    ///     def __init__(self):
    ///         self._lock = asyncio.Lock()
    /// ```
    ///
    /// ## False alarms known
    /// A program that runs one event loop in all its life.
    "RIA709", "primitive-shared-by-loops", default: false, fix: None,
    hooks: [Stmt(check), Function(defaults)],
}

fn check(checker: &Checker<'_>, statement: &Stmt) {
    let context = &checker.context;
    let scope = checker.scope();
    let kept = match context.names().scope(scope).node {
        ScopeNode::Module => "a module",
        ScopeNode::Class(_) => "a class",
        _ => return,
    };
    let Some(value) = primitive_at_import::made(checker, statement) else {
        return;
    };
    if primitive_at_import::reason(checker, statement).is_none() {
        report(checker, value, &format!("kept by {kept}"));
    }
}

fn defaults(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    for parameter in &*function.parameters {
        if let Some(default) = parameter.default() {
            report(checker, default, "the default of a parameter");
        }
    }
}

fn report(checker: &Checker<'_>, value: &Expr, how: &str) {
    let Some(name) = primitive_at_import::primitive(&checker.context, value, checker.scope())
        .filter(|name| name.starts_with("asyncio."))
    else {
        return;
    };
    checker.report(
        Report::new(
            &RULE,
            value.range(),
            format!("`{name}` is made once for all event loops: it is {how}"),
        )
        .help("make it in the `__init__` of what uses it, or in a coroutine"),
    );
}
