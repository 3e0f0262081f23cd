//! The rules. Each has a file, with its documentation in the comment on its declaration.

mod blocking_call_in_async;
mod blocking_call_through_helper;
mod cancellation_swallowed;
mod own_cancellation_swallowed;
mod cleanup_skipped_on_cancel;
mod await_in_finally;
mod wrong_timeout_error;
mod except_around_task_group;
mod raise_in_aexit;
mod shielded_task_lost;
mod thread_lock_across_await;
mod primitive_at_import;
mod check_then_act_across_await;
mod read_modify_write_across_await;
mod event_clear_after_wait;
mod shared_container_iterated_across_await;
mod lock_not_released;
mod loop_method_from_thread;

use ruff_python_ast::{self as ast, Expr, Stmt};

use crate::checker::Checker;

/// Every rule, by code.
pub static RULES: &[&Rule] = &[
    &blocking_call_in_async::RULE,
    &blocking_call_through_helper::RULE,
    &cancellation_swallowed::RULE,
    &own_cancellation_swallowed::RULE,
    &cleanup_skipped_on_cancel::RULE,
    &await_in_finally::RULE,
    &wrong_timeout_error::RULE,
    &except_around_task_group::RULE,
    &raise_in_aexit::RULE,
    &shielded_task_lost::RULE,
    &thread_lock_across_await::RULE,
    &primitive_at_import::RULE,
    &check_then_act_across_await::RULE,
    &read_modify_write_across_await::RULE,
    &event_clear_after_wait::RULE,
    &shared_container_iterated_across_await::RULE,
    &lock_not_released::RULE,
    &loop_method_from_thread::RULE,
];

/// What a rule is, for the tool and for people.
#[derive(Debug)]
pub struct Rule {
    /// `RIA101`
    pub code: &'static str,
    /// `blocking-call-in-async`
    pub name: &'static str,
    /// Whether it is on unless it is ignored.
    pub default: bool,
    pub fix: FixKind,
    /// Its documentation, in Markdown.
    pub docs: &'static str,
    pub(crate) hooks: &'static [Hook],
}

/// Whether a rule can mend what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixKind {
    None,
    Safe,
    Unsafe,
}

/// The nodes that a rule sees, each with the walk standing at it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hook {
    Call(fn(&Checker<'_>, &ast::ExprCall)),
    Expr(fn(&Checker<'_>, &Expr)),
    Stmt(fn(&Checker<'_>, &Stmt)),
    /// A function; the walk stands inside of it.
    Function(fn(&Checker<'_>, &ast::StmtFunctionDef)),
    /// A class; the walk stands inside of it.
    Class(fn(&Checker<'_>, &ast::StmtClassDef)),
    /// The whole module, before its statements.
    Module(fn(&Checker<'_>)),
}

/// Declare a rule: its documentation is the comment.
macro_rules! rule {
    (
        $(#[doc = $docs:literal])*
        $code:literal, $name:literal, default: $default:literal, fix: $fix:ident,
        hooks: [$($hook:ident($check:path)),* $(,)?] $(,)?
    ) => {
        pub(crate) static RULE: $crate::rules::Rule = $crate::rules::Rule {
            code: $code,
            name: $name,
            default: $default,
            fix: $crate::rules::FixKind::$fix,
            docs: concat!($($docs, "\n"),*),
            hooks: &[$($crate::rules::Hook::$hook($check)),*],
        };
    };
}
pub(crate) use rule;

/// The rules that are on.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    enabled: Vec<&'static str>,
}

impl Selection {
    /// What `select`, `extend-select` and `ignore` make of the defaults. Each entry is a code, the beginning of one (`RIA1`), a name, or `ALL`.
    ///
    /// # Errors
    /// Names the entry that is no rule.
    pub fn new(
        select: Option<&[String]>,
        extend: &[String],
        ignore: &[String],
    ) -> Result<Self, String> {
        let mut enabled: Vec<&'static str> = Vec::new();
        for rule in RULES {
            let on = match select {
                Some(select) => specificity(rule, select)?,
                None => rule.default.then_some(0),
            };
            let on = on.max(specificity(rule, extend)?);
            let off = specificity(rule, ignore)?;
            if on > off || (on.is_some() && off.is_none()) {
                enabled.push(rule.code);
            }
        }
        for entry in select.unwrap_or(&[]).iter().chain(extend).chain(ignore) {
            if !RULES.iter().any(|rule| matches(rule, entry).is_some()) {
                return Err(format!("`{entry}` is no rule; hint: `riata rule --all` lists them"));
            }
        }
        Ok(Self { enabled })
    }

    pub fn is_on(&self, code: &str) -> bool {
        self.enabled.contains(&code)
    }

    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> + '_ {
        RULES.iter().copied().filter(|rule| self.is_on(rule.code))
    }
}

/// How exactly the entry that names a rule most exactly names it.
fn specificity(rule: &Rule, entries: &[String]) -> Result<Option<usize>, String> {
    Ok(entries.iter().filter_map(|entry| matches(rule, entry)).max())
}

/// How exactly an entry names a rule, if it does.
pub(crate) fn matches(rule: &Rule, entry: &str) -> Option<usize> {
    if entry == "ALL" {
        Some(0)
    } else if entry == rule.name || entry == rule.code {
        Some(usize::MAX)
    } else if rule.code.starts_with(entry) && entry.starts_with("RIA") {
        Some(entry.len())
    } else {
        None
    }
}

/// A rule by its code or its name.
pub fn find(entry: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.code == entry || rule.name == entry)
}
