//! Reports of calls that block and stand in code of the event loop themselves.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::blocking::Run;
use crate::body::{self, Event};
use crate::checker::{Checker, Report};
use crate::diagnostic::{Edit, Fix};
use crate::functions::CALLBACK;
use crate::imports;
use crate::knowledge::{BlockKind, Blocks};
use crate::names::Binding;
use crate::rules::Rule;

/// Report the calls of the kinds that a rule is about.
pub(crate) fn report(
    checker: &Checker<'_>,
    function: &ast::StmtFunctionDef,
    rule: &'static Rule,
    is_about: impl Fn(BlockKind) -> bool,
) {
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
                let (Run::Blocking { name, blocks, .. } | Run::Computing { name, blocks }) = run
                else {
                    return;
                };
                if !is_about(blocks.kind) || context.nobody_waits(&name, blocks.kind) {
                    return;
                }
                if let Event::Call { call, .. } = event
                    && context.is_handed_off_otherwise(function, call)
                {
                    return;
                }
                let mut report = described(rule, range, what, &name, &blocks);
                // Whoever makes a context mostly goes on to load into it: one cause.
                if name.starts_with("ssl.") {
                    let at = context.text().location(function.name.range());
                    report.cause = Some(format!(
                        "{}:{}:{}",
                        at.path.display(),
                        at.start.line,
                        at.start.column
                    ));
                }
                if name == "time.sleep"
                    && let Event::Call { call, scope, .. } = event
                    && is_written_out(checker, call)
                    && scope == checker.scope()
                    && function.is_async
                    && let Some(fix) = sleep_fix(checker, function, call)
                {
                    report = report.fix(fix);
                }
                checker.report(report);
            });
        },
    );
}

/// Report what a call gives to the event loop to call, of the kinds that a rule is about.
pub(crate) fn report_callbacks(
    checker: &Checker<'_>,
    call: &ast::ExprCall,
    rule: &'static Rule,
    is_about: impl Fn(BlockKind) -> bool,
) {
    let context = &checker.context;
    context.loop_runs(call, checker.scope(), &mut |range, run| {
        if let Run::Blocking { name, blocks, .. } = run
            && is_about(blocks.kind)
            && !context.nobody_waits(&name, blocks.kind)
        {
            checker.report(described(rule, range, CALLBACK, &name, &blocks));
        }
    });
}

fn described(
    rule: &'static Rule,
    range: TextRange,
    what: &str,
    name: &str,
    blocks: &Blocks,
) -> Report {
    let effect = match name {
        "subprocess.Popen" => "starts a process",
        _ => effect(blocks.kind),
    };
    let message = format!("{what} calls `{name}`, which {effect}");
    let advice = blocks.instead.as_deref();
    Report::new(rule, range, message).help(advice.unwrap_or_else(|| advice_for(blocks.kind)))
}

/// A `time.sleep(…)` that is a statement becomes the sleep of the async library that the module uses.
fn sleep_fix(
    checker: &Checker<'_>,
    function: &ast::StmtFunctionDef,
    call: &ast::ExprCall,
) -> Option<Fix> {
    if !is_statement(&function.body, call.range()) {
        return None;
    }
    let context = &checker.context;
    let body = context.text().body();
    let library = ["asyncio", "anyio", "trio"]
        .into_iter()
        .find(|name| imports::uses(body, name));
    let sleep = imports::member(
        context,
        checker.scope(),
        call.start(),
        library.unwrap_or("asyncio"),
        "sleep",
    )?;
    let mut edits = vec![Edit::replace(
        call.func.range(),
        format!("await {}", sleep.name),
    )];
    edits.extend(sleep.edit);
    Some(Fix::risky(format!("Await `{}`", sleep.name), edits))
}

/// Whether a call says by an import what it calls, and is no call of a `partial` or of one of several functions.
fn is_written_out(checker: &Checker<'_>, call: &ast::ExprCall) -> bool {
    let name = match &*call.func {
        Expr::Name(name) => name,
        Expr::Attribute(attribute) => match &*attribute.value {
            Expr::Name(module) => module,
            _ => return false,
        },
        _ => return false,
    };
    let names = checker.context.names();
    matches!(
        names.lookup(name.id.as_str(), checker.scope()),
        Some((_, [Binding::Import { .. } | Binding::ImportFrom { .. }]))
    )
}

/// Whether the expression with this range is a statement of a body.
fn is_statement(body: &[Stmt], range: TextRange) -> bool {
    struct Finder {
        range: TextRange,
        found: bool,
    }
    impl Visitor<'_> for Finder {
        fn visit_stmt(&mut self, stmt: &Stmt) {
            match stmt {
                Stmt::Expr(found) if found.value.range() == self.range => self.found = true,
                other if other.range().contains_range(self.range) => {
                    visitor::walk_stmt(self, other)
                }
                _ => {}
            }
        }
    }
    let mut finder = Finder {
        range,
        found: false,
    };
    finder.visit_body(body);
    finder.found
}

/// What a call of a kind does to the loop.
pub(crate) fn effect(kind: BlockKind) -> &'static str {
    match kind {
        BlockKind::Network => "waits for the network",
        BlockKind::Sleep => "sleeps",
        BlockKind::Process => "waits for a process",
        BlockKind::Database => "waits for a database",
        BlockKind::Dns => "waits for a name server",
        BlockKind::Disk => "reads or writes files",
        BlockKind::BriefDisk => "asks the file system",
        BlockKind::Thread => "waits for another thread",
        BlockKind::Input => "waits for input",
        BlockKind::Import => "imports a module",
        BlockKind::Compute => "computes for long",
        BlockKind::Told => "blocks",
    }
}

fn advice_for(kind: BlockKind) -> &'static str {
    match kind {
        BlockKind::Sleep => "await `asyncio.sleep`",
        BlockKind::Process => {
            "await `asyncio.create_subprocess_exec`, or call it with `await asyncio.to_thread(...)`"
        }
        BlockKind::Compute => "run it in a process pool, or in a thread if it lets go of the GIL",
        _ => "call it in a thread, with `await asyncio.to_thread(...)`",
    }
}
