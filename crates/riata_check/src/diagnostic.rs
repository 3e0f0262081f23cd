//! What a rule says about a piece of code.

use ruff_text_size::{TextRange, TextSize};
use serde::{Deserialize, Serialize};

use crate::source::Location;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// `RIA101`, or the code of a finding about the file itself.
    pub code: String,
    /// `blocking-call-in-async`.
    pub name: String,
    pub location: Location,
    /// In bytes; of `location`'s file.
    pub range: (u32, u32),
    /// The fact, on one line.
    pub message: String,
    /// Other places that belong to it, in order: the steps of a call chain.
    pub related: Vec<Related>,
    /// Places that come to the same cause, where this finding stands for all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Related>,
    /// The function around it, with its class: `Client.fetch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// More facts, a line each.
    pub notes: Vec<String>,
    /// What to do, when no fix does it.
    pub help: Option<String>,
    pub fix: Option<Fix>,
    /// Findings with the same cause are one: the first is shown.
    pub cause: Option<String>,
}

/// A place that belongs to a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    pub location: Location,
    pub message: String,
}

/// The cause of what has its cause at a place.
pub(crate) fn cause_at(at: &Location) -> String {
    format!(
        "{}:{}:{}",
        at.path.display(),
        at.start.line,
        at.start.column
    )
}

/// Whether a fix keeps what the program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Applicability {
    /// Applied by `--fix`.
    Safe,
    /// Applied with `--unsafe-fixes`: it may change what the program does.
    Unsafe,
}

/// A change that removes the finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// What it does, in the imperative.
    pub title: String,
    pub applicability: Applicability,
    /// In the order of the text, not overlapping.
    pub edits: Vec<Edit>,
}

/// Replace a range of bytes by a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    pub start: u32,
    pub end: u32,
    pub content: String,
}

impl Edit {
    pub(crate) fn replace(range: TextRange, content: impl Into<String>) -> Self {
        Self {
            start: range.start().into(),
            end: range.end().into(),
            content: content.into(),
        }
    }

    pub(crate) fn insert(at: TextSize, content: impl Into<String>) -> Self {
        Self::replace(TextRange::empty(at), content)
    }

    /// Take away the keyword at a place with the blanks behind it; parentheses, comments and new lines stay.
    pub(crate) fn remove_keyword(text: &str, at: TextSize, keyword: &str) -> Self {
        let rest = text.get(usize::from(at)..).unwrap_or("");
        let length = rest.strip_prefix(keyword).map_or(0, |behind| {
            keyword.len() + behind.len() - behind.trim_start_matches([' ', '\t']).len()
        });
        Self::replace(
            TextRange::at(at, TextSize::try_from(length).unwrap_or_default()),
            "",
        )
    }
}

impl Fix {
    pub(crate) fn safe(title: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self::new(title, Applicability::Safe, edits)
    }

    pub(crate) fn risky(title: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self::new(title, Applicability::Unsafe, edits)
    }

    fn new(title: impl Into<String>, applicability: Applicability, mut edits: Vec<Edit>) -> Self {
        edits.sort_by_key(|edit| (edit.start, edit.end));
        Self {
            title: title.into(),
            applicability,
            edits,
        }
    }
}
