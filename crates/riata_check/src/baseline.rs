//! Findings that are known and accepted for now, in a file: a later run shows what is new.
//!
//! A finding is recognised by its file, its rule, its message and the text of its line, so it may move. Line numbers are
//! deliberately absent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::files::reason;
use crate::rules::SYNTAX_ERROR;

const VERSION: u32 = 1;

/// The findings of a baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: BTreeMap<Key, usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Below the root, with `/`.
    path: String,
    code: String,
    message: String,
    /// The line, without the blanks around it.
    line: String,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    findings: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    code: String,
    message: String,
    line: String,
    count: usize,
}

impl Baseline {
    /// The baseline of some findings. `text` gives what a file holds.
    pub fn new(
        found: &[Diagnostic],
        root: &Path,
        text: impl FnMut(&Path) -> Option<String>,
    ) -> Self {
        let mut entries: BTreeMap<Key, usize> = BTreeMap::new();
        for key in Keys::new(root, text).of(found).into_iter().flatten() {
            *entries.entry(key).or_default() += 1;
        }
        Self { entries }
    }

    /// # Errors
    /// Says which file cannot be read, or what in it is no baseline.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read the baseline `{name}`: {}", reason(&error)))?;
        let hint = "hint: `--write-baseline` makes a new one";
        let none =
            |error: &dyn std::fmt::Display| format!("`{name}` is no baseline: {error}\n{hint}");
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| none(&error))?;
        // Before all else: another version may look different.
        match value.get("version") {
            Some(version) if *version != VERSION => {
                return Err(format!(
                    "`{name}` is a baseline of version {version}, not {VERSION}\n{hint}"
                ));
            }
            Some(_) => {}
            None => return Err(none(&"it has no `version`")),
        }
        let file: File = serde_json::from_value(value).map_err(|error| none(&error))?;
        let mut entries: BTreeMap<Key, usize> = BTreeMap::new();
        for Entry {
            path,
            code,
            message,
            line,
            count,
        } in file.findings
        {
            *entries
                .entry(Key {
                    path,
                    code,
                    message,
                    line,
                })
                .or_default() += count;
        }
        Ok(Self { entries })
    }

    /// # Errors
    /// Says why the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let findings = self
            .entries
            .iter()
            .map(|(key, count)| {
                let Key {
                    path,
                    code,
                    message,
                    line,
                } = key.clone();
                Entry {
                    path,
                    code,
                    message,
                    line,
                    count: *count,
                }
            })
            .collect();
        serde_json::to_string_pretty(&File {
            version: VERSION,
            findings,
        })
        .map_err(|error| error.to_string())
        .and_then(|text| std::fs::write(path, text + "\n").map_err(|error| reason(&error)))
        .map_err(|error| format!("cannot write the baseline `{}`: {error}", path.display()))
    }

    /// How many findings it stands for.
    pub fn len(&self) -> usize {
        self.entries.values().sum()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Leave out the findings that are in the baseline. Gives how many of its entries were not found, among those of
    /// `checked` files and of files that are no more.
    pub fn hide(
        &self,
        found: &mut Vec<Diagnostic>,
        root: &Path,
        checked: &[PathBuf],
        text: impl FnMut(&Path) -> Option<String>,
    ) -> usize {
        let mut left = self.entries.clone();
        let mut keys = Keys::new(root, text).of(found).into_iter();
        found.retain(|_| {
            let key = keys.next().flatten();
            match key.and_then(|key| left.get_mut(&key)) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    false
                }
                _ => true,
            }
        });
        left.iter()
            .filter(|(_, count)| **count > 0)
            .filter(|(key, _)| {
                let path = root.join(&key.path);
                checked.contains(&path) || !path.exists()
            })
            .map(|(_, count)| count)
            .sum()
    }
}

/// Makes keys, reading each file once.
struct Keys<'a, T> {
    root: &'a Path,
    text: T,
    texts: BTreeMap<PathBuf, Option<String>>,
}

impl<'a, T: FnMut(&Path) -> Option<String>> Keys<'a, T> {
    fn new(root: &'a Path, text: T) -> Self {
        Self {
            root,
            text,
            texts: BTreeMap::new(),
        }
    }

    /// A key for each finding; `None` for those that no baseline takes: syntax errors, and files that cannot be read.
    fn of(mut self, found: &[Diagnostic]) -> Vec<Option<Key>> {
        found.iter().map(|found| self.key(found)).collect()
    }

    fn key(&mut self, found: &Diagnostic) -> Option<Key> {
        if found.code == SYNTAX_ERROR.0 {
            return None;
        }
        let path = &found.location.path;
        let read = &mut self.text;
        let text = self
            .texts
            .entry(path.clone())
            .or_insert_with(|| read(path))
            .as_ref()?;
        let start = usize::try_from(found.range.0).ok()?;
        let before = text
            .get(..start)?
            .rfind(['\n', '\r'])
            .map_or(0, |end| end + 1);
        let line = text[before..]
            .split(['\n', '\r'])
            .next()
            .unwrap_or_default();
        let below: Vec<_> = path
            .strip_prefix(self.root)
            .unwrap_or(path)
            .components()
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        Some(Key {
            path: below.join("/"),
            code: found.code.clone(),
            message: without_line_numbers(&found.message),
            line: line.trim().to_owned(),
        })
    }
}

/// `line 12` and `:12` become `line #` and `:#`.
fn without_line_numbers(message: &str) -> String {
    let mut result = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, digits) = rest.split_at(at);
        let after = digits.trim_start_matches(|letter: char| letter.is_ascii_digit());
        result.push_str(before);
        if result.ends_with("line ") || result.ends_with(':') {
            result.push('#');
        } else {
            result.push_str(&digits[..digits.len() - after.len()]);
        }
        rest = after;
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::without_line_numbers;

    #[test]
    fn line_numbers_do_not_count() {
        let message = "RIA101 at line 12, x.py:3:14, for 5 s";
        assert_eq!(
            without_line_numbers(message),
            "RIA101 at line #, x.py:#:#, for 5 s"
        );
    }
}
