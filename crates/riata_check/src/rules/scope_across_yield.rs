use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::context::Value;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds generators that yield inside of a timeout, a cancel scope or a task group.
    ///
    /// ## Why is this bad?
    /// While a generator is suspended at a `yield`, its consumer runs, and the scope is still open around it: the timeout
    /// cancels the consumer in the middle of its own work, an error of a child task strikes the consumer. If the consumer leaves early, the
    /// scope is closed later, by the garbage collector and perhaps in another task, which breaks it for good.
    ///
    /// ## Example
    /// ```python
    /// async def messages(channel):
    ///     async with asyncio.timeout(10):
    ///         while True:
    ///             yield await channel.receive()
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def messages(channel):
    ///     while True:
    ///         async with asyncio.timeout(10):
    ///             message = await channel.receive()
    ///         yield message
    /// ```
    ///
    /// For a task group: write a context manager that gives a channel or a queue which the tasks put into.
    ///
    /// ## False alarms known
    /// Functions under `asynccontextmanager` are made for this and never reported. Nor are generators with other decorators and
    /// ones that yield just once, which some framework takes for a context manager: dependencies, lifespans, and
    /// fixtures of pytest. For the last that may be wrong: a fixture that is set up in one task and torn down in another,
    /// as `pytest-asyncio` may do, breaks cancel scopes too.
    "RIA504", "scope-across-yield", default: true, fix: None,
    hooks: [Function(check)],
}

fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let def = checker.context.def_at(function.name.start());
    let Some(about) = checker.context.worker.function(def) else {
        return;
    };
    if !about.is_generator || !about.decorators_are_plain() {
        return;
    }
    let mut yields = Yields::default();
    yields.visit_body(&function.body);
    // One that yields once is a context manager in the making.
    if let [(_, false, _)] = yields.found.as_slice() {
        return;
    }
    let mut reported: Vec<TextRange> = Vec::new();
    for (place, _, scopes) in &yields.found {
        for item in scopes {
            let Some(name) = scope_name(checker, item) else {
                continue;
            };
            if reported.contains(&item.range()) {
                continue;
            }
            reported.push(item.range());
            let message = format!("Generator yields while `{name}` is open");
            checker.report(
                Report::new(&RULE, *place, message)
                    .related(checker, *item, "is opened here")
                    .help("yield after the block, or make it an `asynccontextmanager`"),
            );
        }
    }
}

/// The name of a scope that must be closed by the task that opened it, in order.
fn scope_name(checker: &Checker<'_>, item: &Expr) -> Option<String> {
    let name = match item {
        Expr::Call(call) => checker.callee_name(call)?,
        item => match checker.value(item) {
            Value::Instance(class) => class.name,
            _ => return None,
        },
    };
    is_scope(&name).then_some(name)
}

pub(crate) fn is_scope(name: &str) -> bool {
    let Some((package, rest)) = name.split_once('.') else {
        return false;
    };
    let what = crate::context::last(rest);
    match package {
        "asyncio" | "riata" => matches!(what, "timeout" | "timeout_at" | "Timeout" | "TaskGroup"),
        "async_timeout" => matches!(what, "timeout" | "timeout_at" | "Timeout"),
        "anyio" | "trio" => matches!(
            what,
            "CancelScope"
                | "fail_after"
                | "fail_at"
                | "move_on_after"
                | "move_on_at"
                | "create_task_group"
                | "TaskGroup"
                | "open_nursery"
                | "open_cancel_scope"
                | "NurseryManager"
        ),
        "aiotools" | "quattro" => matches!(what, "TaskGroup" | "fail_after" | "move_on_after"),
        _ => false,
    }
}

/// The yields of a function's own body: whether each stands in a loop, and what is entered around it.
#[derive(Default)]
struct Yields<'a> {
    found: Vec<(TextRange, bool, Vec<&'a Expr>)>,
    scopes: Vec<&'a Expr>,
    loops: usize,
}

impl<'a> Visitor<'a> for Yields<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            Stmt::With(with) => {
                let outer = self.scopes.len();
                self.scopes
                    .extend(with.items.iter().map(|item| &item.context_expr));
                self.visit_body(&with.body);
                self.scopes.truncate(outer);
            }
            Stmt::For(_) | Stmt::While(_) => {
                self.loops += 1;
                visitor::walk_stmt(self, stmt);
                self.loops -= 1;
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Lambda(_) => {}
            Expr::Yield(_) | Expr::YieldFrom(_) => {
                visitor::walk_expr(self, expr);
                let many = self.loops > 0 || matches!(expr, Expr::YieldFrom(_));
                self.found.push((expr.range(), many, self.scopes.clone()));
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}
