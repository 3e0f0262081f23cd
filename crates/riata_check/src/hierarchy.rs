//! Which classes of the project derive from which, by names, and which of their methods are async.
//!
//! A scan of lines and not of trees: it is done for every file before any is checked, and what it says is made sure of by
//! the types of the few classes that a rule asks for.

use std::path::PathBuf;

use rustc_hash::{FxHashMap, FxHashSet};

/// A class statement, as its lines tell.
#[derive(Clone, Debug)]
pub(crate) struct Scanned {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    pub(crate) bases: Vec<String>,
    /// Offset of its name in the text.
    pub(crate) start: u32,
    /// Its own methods: whether they are async.
    pub(crate) methods: FxHashMap<String, bool>,
}

#[derive(Debug, Default)]
pub(crate) struct Hierarchy {
    classes: Vec<Scanned>,
    /// Indices of the classes that name a base.
    derived: FxHashMap<String, Vec<usize>>,
    /// The class of a name in small letters, when only one class has it.
    namesakes: FxHashMap<String, Option<usize>>,
    async_methods: FxHashSet<String>,
    plain_methods: FxHashSet<String>,
}

impl Hierarchy {
    pub(crate) fn new(classes: impl IntoIterator<Item = Scanned>) -> Self {
        let mut all = Self::default();
        for class in classes {
            let index = all.classes.len();
            for base in &class.bases {
                all.derived.entry(base.clone()).or_default().push(index);
            }
            for (name, is_async) in &class.methods {
                if *is_async {
                    all.async_methods.insert(name.clone());
                } else {
                    all.plain_methods.insert(name.clone());
                }
            }
            all.namesakes
                .entry(class.name.to_ascii_lowercase())
                .and_modify(|only| *only = None)
                .or_insert(Some(index));
            all.classes.push(class);
        }
        all
    }

    /// Whether any class of the project has an async method of this name.
    pub(crate) fn has_async_method(&self, name: &str) -> bool {
        self.async_methods.contains(name)
    }

    /// Whether any class of the project has a method of this name that is not async.
    pub(crate) fn has_plain_method(&self, name: &str) -> bool {
        self.plain_methods.contains(name)
    }

    /// The only class whose name is this one, in small letters.
    pub(crate) fn namesake(&self, name: &str) -> Option<&Scanned> {
        let index = (*self.namesakes.get(name)?)?;
        self.classes.get(index)
    }

    /// The classes that have methods of all these names themselves, and say of no protocol that they are one.
    pub(crate) fn having(&self, methods: &[String]) -> Vec<&Scanned> {
        let has_all = |class: &&Scanned| {
            methods.iter().all(|name| class.methods.contains_key(name))
                && !class.bases.iter().any(|base| base == "Protocol")
        };
        self.classes.iter().filter(has_all).take(200).collect()
    }

    /// The classes that may derive from one of this name, at any depth.
    pub(crate) fn derived(&self, name: &str) -> Vec<&Scanned> {
        let mut found: Vec<usize> = Vec::new();
        let mut open: Vec<&str> = vec![name];
        while let Some(name) = open.pop() {
            for index in self.derived.get(name).into_iter().flatten() {
                if !found.contains(index) && found.len() < 200 {
                    found.push(*index);
                    open.push(&self.classes[*index].name);
                }
            }
        }
        found
            .into_iter()
            .map(|index| &self.classes[index])
            .collect()
    }
}

/// The classes of a text.
pub(crate) fn scan(path: &std::path::Path, text: &str) -> Vec<Scanned> {
    let mut found: Vec<Scanned> = Vec::new();
    // Indentation and index of the classes that a line may be in, and the indentation of their members.
    let mut open: Vec<(usize, usize, Option<usize>)> = Vec::new();
    let mut aliases: FxHashMap<String, String> = FxHashMap::default();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let code = line.trim_start_matches([' ', '\t']);
        let indentation = line.len() - code.len();
        if code.trim().is_empty() || code.starts_with('#') || code.starts_with(')') {
            continue;
        }
        if code.contains(" as ") && !code.starts_with("with ") && !code.starts_with("except") {
            note_aliases(code, &mut aliases);
        }
        let defines = code.starts_with("class ")
            || code.starts_with("def ")
            || code.starts_with("async def ");
        if !defines {
            continue;
        }
        while open
            .last()
            .is_some_and(|(outer, _, _)| *outer >= indentation)
        {
            open.pop();
        }
        if let Some(rest) = code.strip_prefix("class ") {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let at = start + indentation + "class ".len();
            let mut bases = bases(text.get(at + name.len()..).unwrap_or_default());
            for base in &mut bases {
                if let Some(original) = aliases.get(base) {
                    base.clone_from(original);
                }
            }
            open.push((indentation, found.len(), None));
            found.push(Scanned {
                path: path.to_path_buf(),
                name,
                bases,
                start: u32::try_from(at).unwrap_or(u32::MAX),
                methods: FxHashMap::default(),
            });
            continue;
        }
        let (is_async, rest) = match code.strip_prefix("async def ") {
            Some(rest) => (true, rest),
            None => (false, code.strip_prefix("def ").unwrap_or_default()),
        };
        let name: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if let Some((_, class, members)) = open.last_mut()
            && *members.get_or_insert(indentation) == indentation
            && let Some(class) = found.get_mut(*class)
        {
            class.methods.insert(name, is_async);
        }
    }
    found
}

/// `from .kernel import Kernel as Base`, also one name to a line in parentheses.
fn note_aliases(code: &str, aliases: &mut FxHashMap<String, String>) {
    let mut words = code
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty());
    let mut before = None;
    while let Some(word) = words.next() {
        if word == "as" {
            if let (Some(original), Some(alias)) = (before, words.next()) {
                aliases.insert(str::to_owned(alias), str::to_owned(original));
            }
            before = None;
        } else {
            before = Some(word);
        }
    }
}

/// The last names of what stands in the parentheses after a class's name.
fn bases(rest: &str) -> Vec<String> {
    let Some(inside) = rest.trim_start().strip_prefix('(') else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut word = String::new();
    let mut depth = 0;
    for character in inside.chars().take(2000) {
        match character {
            '(' | '[' => depth += 1,
            ')' if depth == 0 => {
                found.push(std::mem::take(&mut word));
                break;
            }
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => found.push(std::mem::take(&mut word)),
            '.' if depth == 0 => word.clear(),
            _ if depth == 0 && (character.is_alphanumeric() || matches!(character, '_' | '=')) => {
                word.push(character);
            }
            _ => {}
        }
    }
    found.retain(|name| !name.is_empty() && !name.contains('='));
    found
}
