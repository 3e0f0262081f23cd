//! Whether a class has a method, as far as its bases can be followed.

use ruff_python_ast::{self as ast, Expr};

use crate::context::{Context, Value};
use crate::program::Def;

const MAX_DEPTH: usize = 16;

impl Context<'_> {
    /// Whether instances of a class have a method, own or inherited. `None` when a base is not known.
    pub(crate) fn has_method(&self, class: Def, name: &str) -> Option<bool> {
        self.has_method_at(class, name, 0)
    }

    fn has_method_at(&self, class: Def, name: &str, depth: usize) -> Option<bool> {
        if depth > MAX_DEPTH {
            return None;
        }
        let module = self.worker.module_for_interface(class.file)?;
        let here = Context::new(self.worker, &module);
        let (statement, scope, outer) = module.names().class_at(class.start)?;
        if !module.names().bindings(name, scope).is_empty() {
            return Some(true);
        }
        // A decorator or a metaclass may add anything.
        let plain = statement.decorator_list.iter().all(|decorator| {
            let named = ast::helpers::map_callable(&decorator.expression);
            here.dotted(named, outer).is_some_and(|name| {
                name.starts_with("dataclasses.")
                    || name.starts_with("typing")
                    || name.starts_with("attr")
            })
        });
        let metaclass = statement
            .arguments
            .as_ref()
            .and_then(|found| found.find_keyword("metaclass"));
        let plain_metaclass = metaclass
            .is_none_or(|found| here.dotted(&found.value, outer).as_deref() == Some("abc.ABCMeta"));
        let mut known = plain && plain_metaclass;
        for base in statement.bases() {
            let base = match base {
                Expr::Subscript(subscript) => &*subscript.value,
                base => base,
            };
            if let Some(
                "typing.Generic"
                | "typing.Protocol"
                | "typing_extensions.Protocol"
                | "abc.ABC"
                | "builtins.object"
                | "builtins.Exception",
            ) = here.dotted(base, outer).as_deref()
            {
                continue;
            }
            let found = match here.value(base, outer) {
                Value::Class(entity) => entity.def,
                _ => None,
            };
            match found.and_then(|def| self.has_method_at(def, name, depth + 1)) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => known = false,
            }
        }
        known.then_some(false)
    }

    /// The class that an expression is certainly an instance of.
    pub(crate) fn class_def(&self, expr: &Expr, scope: crate::names::ScopeId) -> Option<Def> {
        if let Some(types) = &self.types
            && let Some(definition) = types.class(expr)
        {
            return Some(self.program().def(&definition));
        }
        match self.value(expr, scope) {
            Value::Instance(class) => class.def,
            _ => None,
        }
    }
}
