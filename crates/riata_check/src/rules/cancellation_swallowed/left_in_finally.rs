//! A `finally` that is left by `return`, `break` or `continue`: the exception that it runs for is gone, a cancellation too.

use ruff_python_ast::{self as ast, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::RULE;
use crate::checker::{Checker, Report};
use crate::flow::{Flow, FrameKind, Suspension, What};
use crate::uses;

pub(super) fn check(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let context = &checker.context;
    let flow = context.flow(checker.scope());
    let mut attempts: Vec<&ast::StmtTry> = Vec::new();
    uses::stmts(&function.body, &mut |stmt| {
        if let Stmt::Try(attempt) = stmt {
            attempts.push(attempt);
        }
    });
    for attempt in attempts {
        let Some((range, word)) = leaves(&attempt.finalbody, false) else {
            continue;
        };
        let Some(suspension) = awaited(checker, &flow, attempt) else {
            continue;
        };
        checker.report(
            Report::new(
                &RULE,
                range,
                format!("A cancellation is swallowed: `{word}` in `finally` takes its place"),
            )
            .related(checker, suspension, "it arrives here")
            .help(format!("put the `{word}` behind the `try`")),
        );
    }
}

/// The first statement of a block that leaves it, other than by raising; `in_loop` when a loop of the block is around.
fn leaves(body: &[Stmt], in_loop: bool) -> Option<(TextRange, &'static str)> {
    body.iter().find_map(|stmt| match stmt {
        Stmt::Return(found) => Some((found.range(), "return")),
        Stmt::Break(found) if !in_loop => Some((found.range(), "break")),
        Stmt::Continue(found) if !in_loop => Some((found.range(), "continue")),
        Stmt::If(found) => leaves(&found.body, in_loop).or_else(|| {
            found
                .elif_else_clauses
                .iter()
                .find_map(|clause| leaves(&clause.body, in_loop))
        }),
        Stmt::With(found) => leaves(&found.body, in_loop),
        Stmt::For(found) => leaves(&found.body, true).or_else(|| leaves(&found.orelse, in_loop)),
        Stmt::While(found) => leaves(&found.body, true).or_else(|| leaves(&found.orelse, in_loop)),
        Stmt::Match(found) => found
            .cases
            .iter()
            .find_map(|case| leaves(&case.body, in_loop)),
        Stmt::Try(found) => [&found.body, &found.orelse, &found.finalbody]
            .into_iter()
            .find_map(|body| leaves(body, in_loop)),
        _ => None,
    })
}

/// An await that the `finally` runs after.
fn awaited(checker: &Checker<'_>, flow: &Flow<'_>, attempt: &ast::StmtTry) -> Option<TextRange> {
    let context = &checker.context;
    flow.steps.iter().find_map(|step| match &step.what {
        What::Suspend(suspension)
            if !matches!(suspension, Suspension::Yield(_))
                && flow.frames(step.frame).any(|(_, frame)| match frame.kind {
                    FrameKind::Try(found)
                    | FrameKind::Handler(found, _)
                    | FrameKind::Else(found) => found.range() == attempt.range(),
                    _ => false,
                })
                && context.suspends(suspension, step.scope) =>
        {
            Some(suspension.range())
        }
        _ => None,
    })
}
