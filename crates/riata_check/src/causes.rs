//! One report for each cause: a helper that blocks is one mistake, from however many coroutines it is called.

use std::collections::BTreeSet;
use std::path::Path;

use rustc_hash::FxHashMap;

use crate::diagnostic::{Diagnostic, Related};

/// How many of the other places are named.
const MAX_NAMED: usize = 5;

/// Keep the first of all findings with the same cause, by the length of their chains and then by their places, and let it
/// tell of the others.
pub(crate) fn merge(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut kept = Vec::with_capacity(diagnostics.len());
    let mut groups: FxHashMap<(String, String), Vec<Diagnostic>> = FxHashMap::default();
    for found in diagnostics {
        match &found.cause {
            Some(cause) => {
                groups
                    .entry((found.code.clone(), cause.clone()))
                    .or_default()
                    .push(found);
            }
            None => kept.push(found),
        }
    }
    for mut group in groups.into_values() {
        group.sort_by(|a, b| {
            let key = |found: &Diagnostic| (found.related.len(), found.location.clone());
            key(a).cmp(&key(b))
        });
        let mut group = group.into_iter();
        let Some(mut first) = group.next() else {
            continue;
        };
        tell(&mut first, &group.collect::<Vec<_>>());
        kept.push(first);
    }
    kept
}

/// The order of a report.
pub(crate) fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| {
        (&a.location.path, a.location.start, &a.code, &a.message).cmp(&(
            &b.location.path,
            b.location.start,
            &b.code,
            &b.message,
        ))
    });
}

fn tell(first: &mut Diagnostic, others: &[Diagnostic]) {
    let here = (first.location.path.as_path(), first.function.as_deref());
    let mut functions: BTreeSet<(&Path, Option<&str>)> = BTreeSet::new();
    for other in others {
        let function = (other.location.path.as_path(), other.function.as_deref());
        if function != here && functions.insert(function) && first.also.len() < MAX_NAMED {
            let message = match &other.function {
                Some(name) => format!("also reached from `{name}`"),
                None => "also reached from here".to_owned(),
            };
            first.also.push(Related {
                location: other.location.clone(),
                message,
            });
        }
    }
    match (functions.len(), others.len()) {
        (_, 0) => {}
        (0, 1) => first
            .notes
            .push("also reached from 1 more call in this function".to_owned()),
        (0, calls) => first.notes.push(format!(
            "also reached from {calls} more calls in this function"
        )),
        (1, _) => first
            .notes
            .push("also reached from 1 more async function".to_owned()),
        (count, _) => first
            .notes
            .push(format!("also reached from {count} more async functions")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Location, Position};

    fn found(
        path: &str,
        line: usize,
        function: &str,
        cause: Option<&str>,
        links: usize,
    ) -> Diagnostic {
        let position = Position { line, column: 1 };
        let location = Location {
            path: path.into(),
            start: position,
            end: position,
        };
        let related = Related {
            location: location.clone(),
            message: String::new(),
        };
        Diagnostic {
            code: "RIA102".to_owned(),
            name: "blocking-call-through-helper".to_owned(),
            location,
            range: (0, 0),
            message: String::new(),
            related: vec![related; links],
            also: Vec::new(),
            function: Some(function.to_owned()),
            notes: Vec::new(),
            help: None,
            fix: None,
            cause: cause.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn the_shortest_chain_is_kept_and_tells_of_the_others() {
        let merged = merge(vec![
            found("a.py", 1, "far", Some("x"), 2),
            found("b.py", 9, "near", Some("x"), 1),
            found("b.py", 5, "nearer", Some("x"), 1),
            found("b.py", 7, "nearer", Some("x"), 1),
            found("c.py", 1, "other", None, 1),
        ]);
        let mut lines: Vec<usize> = merged
            .iter()
            .map(|found| found.location.start.line)
            .collect();
        lines.sort_unstable();
        assert_eq!(lines, [1, 5]);
        let kept = merged
            .iter()
            .find(|found| found.cause.is_some())
            .expect("one of them");
        assert_eq!(kept.notes, ["also reached from 2 more async functions"]);
        let also: Vec<&str> = kept.also.iter().map(|also| &*also.message).collect();
        assert_eq!(
            also,
            ["also reached from `near`", "also reached from `far`"]
        );
    }

    #[test]
    fn at_most_five_others_are_named() {
        let all = (0..9).map(|line| found("a.py", line, &format!("f{line}"), Some("x"), 1));
        let merged = merge(all.collect());
        assert_eq!(merged.len(), 1);
        assert_eq!(merged[0].also.len(), 5);
        assert_eq!(
            merged[0].notes,
            ["also reached from 8 more async functions"]
        );
    }

    #[test]
    fn a_second_call_in_the_same_function_is_no_other_function() {
        let merged = merge(vec![
            found("a.py", 1, "f", Some("x"), 1),
            found("a.py", 2, "f", Some("x"), 1),
        ]);
        assert_eq!(
            merged[0].notes,
            ["also reached from 1 more call in this function"]
        );
        assert!(merged[0].also.is_empty());
    }
}
