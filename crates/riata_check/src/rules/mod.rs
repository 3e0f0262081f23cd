//! The rules. Each has a file, with its documentation in the comment on its declaration.
//!
//! A rule has a test file of the same name in `resources/rules`, or a folder when it takes several modules: a line on which
//! it is to report ends in `# error:` and the rule's code, and the others show what looks alike and is right. What the
//! rule's fixes make of that file is a snapshot in `tests/it/snapshots`.

mod assertion_never_awaited;
mod async_function_as_sync_callback;
mod async_generator_not_closed;
mod async_test_never_run;
mod async_without_await;
mod await_in_finally;
mod await_in_loop;
mod await_on_non_awaitable;
mod await_without_timeout;
mod blocking_call_in_async;
mod blocking_call_through_helper;
mod blocking_file_io_in_async;
mod blocking_thread_wait_in_async;
mod brief_file_call_in_async;
mod broad_except_around_task_group;
mod buffered_async_iterator;
mod cached_coroutine_function;
mod cancellation_not_raised_again;
mod cancellation_swallowed;
mod cancelled_task_not_awaited;
mod check_then_act_across_await;
mod cleanup_on_error_only;
mod cleanup_skipped_on_cancel;
mod contextvar_set_in_generator;
mod coroutine_as_condition;
mod coroutine_as_value;
mod coroutine_never_awaited;
mod create_task_without_group;
mod event_clear_after_wait;
mod event_loop_outside_coroutine;
mod except_around_task_group;
mod future_never_awaited;
mod gather_of_non_awaitable;
mod gather_orphans_siblings;
mod gathered_exceptions_ignored;
mod get_event_loop_in_sync_code;
mod heavy_computation_in_async;
mod lock_not_released;
mod loop_method_from_thread;
mod loop_run_in_library;
mod missing_async_for;
mod missing_async_with;
mod mixed_loop_entry;
mod nested_event_loop;
mod own_cancellation_swallowed;
mod pending_never_handled;
mod primitive_at_import;
mod primitive_shared_by_loops;
mod pytest_asyncio_scope;
mod raise_in_aexit;
mod read_modify_write_across_await;
mod returned_task_not_kept;
mod scope_across_yield;
mod sequential_awaits;
mod shared_container_iterated_across_await;
mod shielded_task_lost;
mod sleep_for_synchronisation;
mod state_checked_across_await;
mod task_exception_never_seen;
mod task_kept_by_dying_local;
mod task_not_kept;
mod thread_lock_across_await;
mod timeout_parameter;
pub(crate) mod unknown_rule_in_suppression;
mod unshielded_cleanup;
pub(crate) mod unused_suppression;
mod wait_for_on_old_python;
mod wait_for_swallows_cancellation;
mod wait_on_coroutines;
mod wrong_mock;
mod wrong_timeout_error;

use ruff_python_ast::{self as ast, Expr, Stmt};

use crate::checker::Checker;

/// Every rule, by code.
pub static RULES: &[&Rule] = &[
    &unused_suppression::RULE,
    &unknown_rule_in_suppression::RULE,
    &blocking_call_in_async::RULE,
    &blocking_call_through_helper::RULE,
    &blocking_file_io_in_async::RULE,
    &blocking_thread_wait_in_async::RULE,
    &heavy_computation_in_async::RULE,
    &brief_file_call_in_async::RULE,
    &coroutine_never_awaited::RULE,
    &coroutine_as_condition::RULE,
    &coroutine_as_value::RULE,
    &future_never_awaited::RULE,
    &wait_on_coroutines::RULE,
    &gather_of_non_awaitable::RULE,
    &async_function_as_sync_callback::RULE,
    &cached_coroutine_function::RULE,
    &await_on_non_awaitable::RULE,
    &task_not_kept::RULE,
    &task_kept_by_dying_local::RULE,
    &returned_task_not_kept::RULE,
    &task_exception_never_seen::RULE,
    &gather_orphans_siblings::RULE,
    &gathered_exceptions_ignored::RULE,
    &create_task_without_group::RULE,
    &sequential_awaits::RULE,
    &buffered_async_iterator::RULE,
    &pending_never_handled::RULE,
    &nested_event_loop::RULE,
    &mixed_loop_entry::RULE,
    &event_loop_outside_coroutine::RULE,
    &await_in_loop::RULE,
    &loop_run_in_library::RULE,
    &get_event_loop_in_sync_code::RULE,
    &await_without_timeout::RULE,
    &timeout_parameter::RULE,
    &wait_for_swallows_cancellation::RULE,
    &scope_across_yield::RULE,
    &wait_for_on_old_python::RULE,
    &cancellation_swallowed::RULE,
    &own_cancellation_swallowed::RULE,
    &cleanup_skipped_on_cancel::RULE,
    &await_in_finally::RULE,
    &wrong_timeout_error::RULE,
    &except_around_task_group::RULE,
    &broad_except_around_task_group::RULE,
    &raise_in_aexit::RULE,
    &shielded_task_lost::RULE,
    &cleanup_on_error_only::RULE,
    &cancellation_not_raised_again::RULE,
    &unshielded_cleanup::RULE,
    &cancelled_task_not_awaited::RULE,
    &thread_lock_across_await::RULE,
    &primitive_at_import::RULE,
    &check_then_act_across_await::RULE,
    &read_modify_write_across_await::RULE,
    &event_clear_after_wait::RULE,
    &shared_container_iterated_across_await::RULE,
    &lock_not_released::RULE,
    &loop_method_from_thread::RULE,
    &primitive_shared_by_loops::RULE,
    &state_checked_across_await::RULE,
    &async_generator_not_closed::RULE,
    &missing_async_with::RULE,
    &missing_async_for::RULE,
    &contextvar_set_in_generator::RULE,
    &async_test_never_run::RULE,
    &assertion_never_awaited::RULE,
    &wrong_mock::RULE,
    &sleep_for_synchronisation::RULE,
    &pytest_asyncio_scope::RULE,
    &async_without_await::RULE,
];

/// The code and the name of what is no rule: it cannot be turned off.
pub const SYNTAX_ERROR: (&str, &str) = ("RIA000", "syntax-error");

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

impl Rule {
    /// Its documentation as it is published.
    pub fn markdown(&self) -> String {
        let mut out = String::with_capacity(self.docs.len());
        for line in self.docs.lines() {
            // The blank behind the slashes of a comment.
            out.push_str(line.strip_prefix(' ').unwrap_or(line));
            out.push('\n');
        }
        out
    }

    /// What it finds, in one line.
    pub fn summary(&self) -> String {
        let lines = self
            .docs
            .lines()
            .map(str::trim)
            .skip_while(|line| line.is_empty());
        let text = lines.skip_while(|line| line.starts_with('#') || line.is_empty());
        text.take_while(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }
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
    /// The statements of the whole module, before each of them.
    Module(fn(&Checker<'_>, &[Stmt])),
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

/// One layer of wishes: of a file, or of the command line. Each entry is a code, the beginning of one that names a
/// family (`RIA1`), a name, or `ALL`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selectors<'a> {
    pub select: Option<&'a [String]>,
    pub extend_select: &'a [String],
    pub ignore: &'a [String],
}

impl Selection {
    /// The rules that are on unless somebody says otherwise.
    pub fn default_rules() -> Self {
        Self {
            enabled: RULES
                .iter()
                .filter(|rule| rule.default)
                .map(|rule| rule.code)
                .collect(),
        }
    }

    /// What `select`, `extend-select` and `ignore` make of the defaults.
    ///
    /// # Errors
    /// Names the entry that is no rule.
    pub fn new(
        select: Option<&[String]>,
        extend: &[String],
        ignore: &[String],
    ) -> Result<Self, String> {
        Self::layered(&[Selectors {
            select,
            extend_select: extend,
            ignore,
        }])
    }

    /// What layers make of the defaults, each laid over the ones before it. In a layer the entry that names a rule more
    /// exactly wins, and `ignore` where they are equal; a `select` makes what the layers below said void.
    ///
    /// # Errors
    /// Names the entry that is no rule.
    pub fn layered(layers: &[Selectors<'_>]) -> Result<Self, String> {
        let mut selection = Self::default_rules();
        for layer in layers {
            let all = [
                layer.select.unwrap_or(&[]),
                layer.extend_select,
                layer.ignore,
            ];
            for entry in all.into_iter().flatten() {
                validate(entry)?;
            }
            let mut enabled = Vec::new();
            for rule in RULES {
                let on = specificity(rule, layer.select.unwrap_or(&[]))
                    .max(specificity(rule, layer.extend_select));
                let off = specificity(rule, layer.ignore);
                let before = layer.select.is_none() && selection.is_on(rule.code);
                if on > off || (off.is_none() && before) {
                    enabled.push(rule.code);
                }
            }
            selection.enabled = enabled;
        }
        Ok(selection)
    }

    pub fn is_on(&self, code: &str) -> bool {
        self.enabled.contains(&code)
    }

    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> + '_ {
        RULES.iter().copied().filter(|rule| self.is_on(rule.code))
    }
}

/// The rules that a list of entries names.
///
/// # Errors
/// Names the entry that is no rule.
pub fn select(entries: &[String]) -> Result<Vec<&'static Rule>, String> {
    for entry in entries {
        validate(entry)?;
    }
    Ok(RULES
        .iter()
        .copied()
        .filter(|rule| specificity(rule, entries).is_some())
        .collect())
}

fn validate(entry: &str) -> Result<(), String> {
    if RULES.iter().any(|rule| matches(rule, entry).is_some()) {
        return Ok(());
    }
    Err(unknown(entry))
}

/// What to say about a word that is no rule.
pub fn unknown(entry: &str) -> String {
    let known = RULES.iter().flat_map(|rule| [rule.code, rule.name]);
    match crate::configuration::nearest(entry, known) {
        Some(near) => format!("`{entry}` is no rule; did you mean `{near}`?"),
        None => format!("`{entry}` is no rule; hint: `riata-check rule` lists them"),
    }
}

/// How exactly the entry that names a rule most exactly names it.
fn specificity(rule: &Rule, entries: &[String]) -> Option<usize> {
    entries
        .iter()
        .filter_map(|entry| matches(rule, entry))
        .max()
}

/// How exactly an entry names a rule, if it does: by `ALL`, `RIA`, its family, or itself.
pub(crate) fn matches(rule: &Rule, entry: &str) -> Option<usize> {
    // `RIA1` is not the beginning of `RIA1001`, which is of the family `RIA10`.
    let family = &rule.code[..rule.code.len().saturating_sub(2)];
    if entry == "ALL" {
        Some(0)
    } else if entry == "RIA" {
        Some(1)
    } else if entry == family {
        Some(2)
    } else if entry == rule.name || entry == rule.code {
        Some(3)
    } else {
        None
    }
}

/// A rule by its code or its name.
pub fn find(entry: &str) -> Option<&'static Rule> {
    RULES
        .iter()
        .copied()
        .find(|rule| rule.code == entry || rule.name == entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `select`, `extend-select` and `ignore`.
    type Layer<'a> = (Option<&'a [&'a str]>, &'a [&'a str], &'a [&'a str]);

    fn on(layers: &[Layer<'_>]) -> Vec<&'static str> {
        let own = |list: &[&str]| {
            list.iter()
                .map(ToString::to_string)
                .collect::<Vec<String>>()
        };
        let owned: Vec<_> = layers
            .iter()
            .map(|(select, extend, ignore)| (select.map(own), own(extend), own(ignore)))
            .collect();
        let layers: Vec<Selectors<'_>> = owned
            .iter()
            .map(|(select, extend, ignore)| Selectors {
                select: select.as_deref(),
                extend_select: extend,
                ignore,
            })
            .collect();
        let selection = Selection::layered(&layers).expect("known rules");
        // What other families hold is not of interest here.
        let of_interest = ["RIA101", "RIA102"];
        selection
            .rules()
            .map(|rule| rule.code)
            .filter(|code| of_interest.contains(code))
            .collect()
    }

    #[test]
    fn the_more_exact_entry_wins() {
        assert_eq!(on(&[]), ["RIA101", "RIA102"]);
        assert_eq!(on(&[(Some(&["RIA1"]), &[], &["RIA101"])]), ["RIA102"]);
        assert_eq!(on(&[(Some(&["RIA101"]), &[], &["RIA1"])]), ["RIA101"]);
        assert_eq!(on(&[(Some(&["RIA1"]), &[], &["RIA1"])]), [""; 0]);
        assert_eq!(
            on(&[(Some(&["ALL"]), &[], &["blocking-call-in-async"])]),
            ["RIA102"]
        );
        assert_eq!(on(&[(None, &["RIA102"], &["ALL"])]), ["RIA102"]);
        assert_eq!(on(&[(Some(&[]), &["RIA102"], &[])]), ["RIA102"]);
    }

    #[test]
    fn a_later_layer_is_laid_over_the_ones_before() {
        assert_eq!(
            on(&[(None, &[], &["RIA101"]), (None, &["RIA1"], &[])]),
            ["RIA101", "RIA102"]
        );
        assert_eq!(
            on(&[(Some(&["RIA101"]), &[], &[]), (None, &["RIA102"], &[])]),
            ["RIA101", "RIA102"]
        );
        // A `select` makes the `ignore` of the file void.
        assert_eq!(
            on(&[(None, &[], &["RIA101"]), (Some(&["RIA1"]), &[], &[])]),
            ["RIA101", "RIA102"]
        );
        assert_eq!(
            on(&[
                (Some(&["RIA101", "RIA102"]), &[], &[]),
                (None, &[], &["RIA1"])
            ]),
            [""; 0]
        );
    }

    #[test]
    fn a_word_that_is_no_rule_is_answered_with_the_nearest() {
        let error =
            |entry: &str| Selection::new(Some(&[entry.to_owned()]), &[], &[]).expect_err("no rule");
        assert_eq!(
            error("RIA1O2"),
            "`RIA1O2` is no rule; did you mean `RIA102`?"
        );
        assert_eq!(
            error("blocking-call-in-asnyc"),
            "`blocking-call-in-asnyc` is no rule; did you mean `blocking-call-in-async`?"
        );
        assert_eq!(
            error("E501"),
            "`E501` is no rule; hint: `riata-check rule` lists them"
        );
    }
}
