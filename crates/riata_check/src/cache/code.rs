//! The code of one definition, as a hash: what others find when they look into it, wherever it stands in its file.

use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use crate::names::{Names, ScopeId, ScopeNode};
use crate::source::Module;

/// The name and the code of the function or class whose name starts at a place. What stands in a function may read its
/// names, so that function's code it is.
pub(crate) fn of(module: &Module, start: TextSize) -> Option<(String, u64)> {
    let names = module.names();
    let scope = names
        .function_at(start)
        .map(|(_, own, _)| own)
        .or_else(|| names.class_at(start).map(|(_, own, _)| own))?;
    let (mut outermost, mut outer) = (scope, names.scope(scope).parent);
    while let Some(id) = outer {
        if matches!(names.scope(id).node, ScopeNode::Function(_)) {
            outermost = id;
        }
        outer = names.scope(id).parent;
    }
    let (name, range) = named(names, outermost)?;
    Some((name, xxh3_64(module.text().slice(range).as_bytes())))
}

/// The same for every definition in a module that stands in no function.
pub(super) fn all(module: &Module) -> FxHashMap<String, u64> {
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
        .filter_map(|scope| {
            let (name, range) = named(names, scope)?;
            Some((name, xxh3_64(module.text().slice(range).as_bytes())))
        })
        .collect()
}

/// A name that no other definition of the module has, and where the definition is.
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
    Some((format!("{}#{before}", names.qualname(outer, name)), range))
}
