//! Names of functions that a project runs as tasks of their own, by the text of its files alone.
//!
//! Which function a task runs is often decided far away from it (`start(self.run())`), so this asks for names and not for
//! definitions: it may take too many for tasks, which makes rules silent and not loud.

use std::path::PathBuf;

use rustc_hash::FxHashSet;

/// Words of the calls that start tasks or whole loops.
const STARTERS: &[&str] = &[
    "create_task",
    "create_background_task",
    "ensure_future",
    "start_soon",
    "run_coroutine_threadsafe",
    "run_until_complete",
    "spawn",
    "gather",
    "Task",
    "run",
    "start",
    "add_task",
    "create_eager_task",
    "async_create_task",
    "call_soon",
    "target",
    "submit",
];

pub(crate) fn names<'p>(files: impl Iterator<Item = &'p PathBuf>) -> FxHashSet<String> {
    let mut found = FxHashSet::default();
    for path in files {
        if let Ok(text) = crate::files::read(path)
            && text.contains("async")
        {
            collect(&text, &mut found);
        }
    }
    found
}

fn collect(text: &str, found: &mut FxHashSet<String>) {
    for (at, _) in text.match_indices('(') {
        let before = &text[..at];
        let word = before.len() - before.trim_end_matches(is_word).len();
        let starter = &before[before.len() - word..];
        let starts = STARTERS.iter().any(|name| {
            starter == *name
                || (name.len() > 6 && starter.ends_with(name))
                || starter.ends_with("_task")
        });
        if starts && !before.ends_with("def ") && !is_definition(before, word) {
            arguments(&text[at + 1..], found);
        }
    }
}

fn is_definition(before: &str, word: usize) -> bool {
    before[..before.len() - word].ends_with("def ")
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The functions that are called, or named as a whole argument, in the parentheses that were just opened.
fn arguments(text: &str, found: &mut FxHashSet<String>) {
    let mut depth = 1_usize;
    let mut name_start: Option<usize> = None;
    for (at, character) in text.char_indices().take(400) {
        if is_word(character) {
            name_start.get_or_insert(at);
            continue;
        }
        if let Some(start) = name_start.take()
            && matches!(character, '(' | ',' | ')')
        {
            found.insert(text[start..at].to_owned());
        }
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
            _ => {}
        }
    }
}
