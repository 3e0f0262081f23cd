//! The code of one definition: what others find when they look into it, wherever it stands in its file.

use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use crate::names::{Names, ScopeId, ScopeNode};
use crate::source::{Module, Position};

/// A function or class that stands in no function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Code {
    /// Of all definitions of the module, it has this name alone.
    pub(crate) name: String,
    pub(crate) hash: u64,
    /// Where it begins.
    pub(crate) line: usize,
}

/// The code of the definition whose name starts at a place. What stands in a function may read its names, so that
/// function's code it is.
pub(crate) fn of(module: &Module, start: TextSize) -> Option<Code> {
    let names = module.names();
    let scope = names
        .function_at(start)
        .map(|(_, own, _)| own)
        .or_else(|| names.class_at(start).map(|(_, own, _)| own))
        .or_else(|| names.lambda_at(start).map(|(_, own)| own))?;
    let (mut outermost, mut outer) = (scope, names.scope(scope).parent);
    while let Some(id) = outer {
        if matches!(names.scope(id).node, ScopeNode::Function(_)) {
            outermost = id;
        }
        outer = names.scope(id).parent;
    }
    described(module, outermost)
}

/// The code that a position lies in.
pub(crate) fn around(module: &Module, position: Position) -> Option<Code> {
    let text = module.text();
    let names = module.names();
    let (function, _) = names.functions.iter().find(|(function, _)| {
        let at = text.location(function.range);
        at.start <= position && position < at.end
    })?;
    of(module, function.name.start())
}

/// The code of every definition of a module, by name.
pub(super) fn all(module: &Module) -> FxHashMap<String, Code> {
    let names = module.names();
    let functions = names
        .functions
        .iter()
        .filter_map(|(function, _)| names.of_function(function));
    let classes = names
        .classes
        .iter()
        .filter_map(|(class, _)| names.of_class(class));
    functions
        .chain(classes)
        .filter_map(|scope| described(module, scope))
        .map(|code| (code.name.clone(), code))
        .collect()
}

fn described(module: &Module, scope: ScopeId) -> Option<Code> {
    let (name, range) = named(module.names(), scope)?;
    let text = module.text();
    Some(Code {
        name,
        hash: xxh3_64(text.slice(range).as_bytes()),
        line: text.position(range.start()).line,
    })
}

/// A definition's name among all of its module, with how many definitions of its name come before it: one class may be
/// defined in both branches of an `if`.
fn named(names: &Names<'_>, scope: ScopeId) -> Option<(String, TextRange)> {
    let (name, start, range) = match names.scope(scope).node {
        ScopeNode::Function(function) => (
            function.name.as_str(),
            function.name.start(),
            function.range,
        ),
        ScopeNode::Class(class) => (class.name.as_str(), class.name.start(), class.range),
        _ => return None,
    };
    let outer = names.scope(scope).parent?;
    let before = names
        .bindings(name, outer)
        .iter()
        .filter(|binding| binding.start().is_some_and(|other| other < start))
        .count();
    let within = named(names, outer).map_or_else(String::new, |(outer, _)| format!("{outer}."));
    Some((format!("{within}{name}#{before}"), range))
}
