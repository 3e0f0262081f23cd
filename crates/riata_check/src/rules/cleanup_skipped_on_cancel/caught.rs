//! Handlers of certain errors, with the `try` that each belongs to.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::context::Context;
use crate::flow::{Flow, FrameKind, Step, What};
use crate::handlers;

#[derive(Clone, Copy)]
pub(in crate::rules) struct Caught<'a> {
    pub(in crate::rules) index: usize,
    pub(in crate::rules) step: Step<'a>,
    pub(in crate::rules) whole: &'a ast::StmtTry,
    pub(in crate::rules) handler: &'a ast::ExceptHandlerExceptHandler,
    /// What it is for.
    pub(in crate::rules) class: &'a Expr,
}

impl Caught<'_> {
    /// `except Exception`
    pub(in crate::rules) fn range(&self) -> TextRange {
        TextRange::new(self.handler.start(), self.class.end())
    }

    /// `except Exception`, `except TimeoutError`: not one that looks for a certain error.
    pub(in crate::rules) fn is_for_all(&self, context: &Context<'_>) -> bool {
        handlers::classes(context, self.class, self.step.scope)
            .iter()
            .any(|class| {
                class.is(&["builtins.Exception"])
                    || class
                        .name
                        .as_deref()
                        .is_some_and(|name| name.ends_with("TimeoutError"))
            })
    }
}

/// The handlers of a function that say what they are for, in the order of the text.
pub(in crate::rules) fn caught<'a>(flow: &Flow<'a>) -> impl Iterator<Item = Caught<'a>> {
    flow.steps.iter().enumerate().filter_map(|(index, step)| {
        let What::Catch(handler) = step.what else {
            return None;
        };
        let FrameKind::Handler(whole, _) = flow.frame(step.frame).kind else {
            return None;
        };
        Some(Caught {
            index,
            step: *step,
            whole,
            handler,
            class: handler.type_.as_deref()?,
        })
    })
}
