//! The methods that stand for one that only says its name.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use super::Runs;
use crate::context::{Context, Value};
use crate::hierarchy::Scanned;
use crate::names::ScopeNode;
use crate::program::Def;

impl Context<'_> {
    /// The methods of the project's classes that stand for one that only says its name: of those that derive from the
    /// class of the object, or else from the method's own.
    pub(super) fn implementations(&self, def: Def, object: Option<Def>) -> Vec<(Runs, String)> {
        const MOST: usize = 16;
        // Anything may stand behind what the standard library promises: `__exit__` of an `AbstractContextManager`.
        if matches!(
            self.program().origin(def.file),
            riata_types::Origin::Typeshed(_)
        ) {
            return Vec::new();
        }
        let Some(module) = self.worker.module_of(def) else {
            return Vec::new();
        };
        let Some((function, _, outer)) = module.names().function_at(def.start) else {
            return Vec::new();
        };
        let ScopeNode::Class(base) = module.names().scope(outer).node else {
            return Vec::new();
        };
        let own = Def {
            file: def.file,
            start: base.name.start(),
        };
        let is_protocol = base.bases().iter().any(|base| {
            crate::annotations::last_name(ast::helpers::map_subscript(base)) == Some("Protocol")
        });
        if !is_protocol && does_nothing(function) && !is_abstract(base, function) {
            return Vec::new();
        }
        let mut found = Vec::new();
        let classes = if is_protocol {
            if self.worker.module_of(own).is_none() {
                return found;
            }
            let asked: Vec<String> = base
                .body
                .iter()
                .filter_map(|stmt| Some(stmt.as_function_def_stmt()?.name.to_string()))
                .collect();
            // Few methods are too little to tell what is meant: any cache has `get` and `set`. Neighbours mean each other.
            let folder = match self.program().origin(def.file) {
                riata_types::Origin::Path(path) => path.parent().map(ToOwned::to_owned),
                riata_types::Origin::Typeshed(_) => None,
            };
            let (few, none) = (asked.len() < 3, asked.len() < 2);
            let mut fitting = self.worker.having(asked);
            fitting.retain(|class| !none && (!few || class.path.parent() == folder.as_deref()));
            fitting
        } else {
            let object = object.and_then(|object| {
                let module = self.worker.module_of(object)?;
                let (class, ..) = module.names().class_at(object.start)?;
                Some((object, class.name.to_string()))
            });
            let (root, name) = object.unwrap_or_else(|| (own, base.name.to_string()));
            let mut derived = self.worker.derived(&name);
            // Others may have a class of this name.
            derived.retain(|class| self.derives(self.scanned(class), root, 0));
            derived
        };
        for class in classes {
            match class.methods.get(function.name.as_str()) {
                Some(false) => {}
                // One that is async means that nobody may take it for a plain call.
                Some(true) => return Vec::new(),
                None => continue,
            }
            let class = self.scanned(class);
            if let Some(def) = self.method(class, function.name.as_str())
                && let Some(method) = self.worker.function(def)
                && !method.is_stub
                && found.len() < MOST
            {
                found.push((
                    Runs {
                        def,
                        receiver: Some(class),
                    },
                    method.name.clone(),
                ));
            }
        }
        found
    }

    fn scanned(&self, class: &Scanned) -> Def {
        let origin = riata_types::Origin::Path(class.path.clone());
        Def {
            file: self.program().file(&origin),
            start: class.start.into(),
        }
    }

    /// Whether a class has another one among its bases, as far as can be told.
    fn derives(&self, class: Def, root: Def, depth: usize) -> bool {
        const MOST_BASES: usize = 8;
        if class == root || depth == MOST_BASES {
            return true;
        }
        self.in_module_of(class, |context| {
            let Some((statement, _, outer)) = context.names().class_at(class.start) else {
                return false;
            };
            let mut bases = statement.bases().iter().map(ast::helpers::map_subscript);
            bases.any(|base| match context.value(base, outer) {
                Value::Class(base) => base
                    .def
                    .is_some_and(|base| context.derives(base, root, depth + 1)),
                Value::Unknown | Value::Union(_) => true,
                _ => false,
            })
        })
    }
}

/// A body of `pass`, which is what runs where nobody overrides it. (`...` and `raise` are promises of others.)
fn does_nothing(function: &ast::StmtFunctionDef) -> bool {
    function.body.last().is_some_and(ast::Stmt::is_pass_stmt)
}

fn is_abstract(class: &ast::StmtClassDef, function: &ast::StmtFunctionDef) -> bool {
    let is_of_abc = |expr: &Expr| {
        crate::annotations::last_name(expr).is_some_and(|name| name.starts_with("ABC"))
    };
    class.bases().iter().any(is_of_abc)
        || class
            .keywords()
            .iter()
            .any(|keyword| is_of_abc(&keyword.value))
        || function.decorator_list.iter().any(|decorator| {
            crate::annotations::last_name(&decorator.expression)
                .is_some_and(|name| name.starts_with("abstract"))
        })
}
