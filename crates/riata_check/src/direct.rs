//! Reports of calls that block and stand in code of the event loop themselves.

use ruff_python_ast as ast;

use crate::blocking::Run;
use crate::body;
use crate::checker::{Checker, Report};
use crate::knowledge::BlockKind;
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
                if !is_about(blocks.kind) {
                    return;
                }
                let message = format!("{what} calls `{name}`, which {}", effect(blocks.kind));
                let mut report = Report::new(rule, range, message);
                report.help = Some(
                    blocks
                        .instead
                        .clone()
                        .unwrap_or_else(|| advice(blocks.kind).to_owned()),
                );
                checker.report(report);
            });
        },
    );
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

fn advice(kind: BlockKind) -> &'static str {
    match kind {
        BlockKind::Sleep => "await `asyncio.sleep`",
        BlockKind::Process => {
            "await `asyncio.create_subprocess_exec`, or call it with `await asyncio.to_thread(...)`"
        }
        BlockKind::Compute => "run it in a process pool, or in a thread if it lets go of the GIL",
        _ => "call it in a thread, with `await asyncio.to_thread(...)`",
    }
}
