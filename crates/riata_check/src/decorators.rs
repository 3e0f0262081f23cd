//! What decorators of the project put around a function: calling the function runs that.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::TextRange;

use crate::blocking::{Run, Runs};
use crate::body::{self, Event};
use crate::context::{Callee, Context};
use crate::functions::is_generator;
use crate::names::{Binding, Names, ScopeId, ScopeNode};
use crate::program::Def;

impl Context<'_> {
    /// Tell `found` the synchronous functions that stand around the function `def` by its decorators.
    pub(crate) fn wrappers_run(
        &self,
        def: Def,
        range: TextRange,
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        let Some(function) = self.worker.function(def) else {
            return;
        };
        if function.decorators_are_plain() || function.runs_elsewhere() {
            return;
        }
        let Some(module) = self.worker.module_of(def) else {
            return;
        };
        let context = Context::new(self.worker, &module);
        let Some((statement, _, scope)) = module.names().function_at(def.start) else {
            return;
        };
        for decorator in &statement.decorator_list {
            let made = decorator.expression.is_call_expr();
            let named = ast::helpers::map_callable(&decorator.expression);
            for callee in &*context.meant(named, scope) {
                for def in context.wrappers(callee, made, statement.is_async) {
                    let Some(wrapper) = self.worker.function(def) else {
                        continue;
                    };
                    let name = wrapper.name.clone();
                    let receiver = None;
                    let runs = Runs { def, receiver };
                    found(range, Run::Function { runs, name });
                }
            }
        }
    }

    /// The functions that a decorator puts in the place of what it is given. `made` is for `@decorator(…)`.
    fn wrappers(&self, decorator: &Callee, made: bool, for_async: bool) -> Vec<Def> {
        let Some(mut def) = decorator
            .def
            .filter(|def| self.program().is_first_party(def.file))
        else {
            return Vec::new();
        };
        if decorator.is_class {
            match self.method(def, "__call__") {
                // The object stands in the function's place itself.
                Some(method) if !made => return vec![method],
                Some(method) => def = method,
                None => return Vec::new(),
            }
        }
        if self.worker.module_of(def).is_none() {
            return Vec::new();
        }
        self.in_module_of(def, |context| {
            let names = context.names();
            let Some((_, own, _)) = names.function_at(def.start) else {
                return Vec::new();
            };
            let wrappers: Vec<&ast::StmtFunctionDef> = names
                .functions
                .iter()
                .filter(|(inner, outer)| is_inside(names, *outer, own) && calls_given(names, inner))
                .map(|(inner, _)| *inner)
                .collect();
            // Of two wrappers an async function is given the async one.
            if for_async && wrappers.iter().any(|wrapper| wrapper.is_async) {
                return Vec::new();
            }
            wrappers
                .into_iter()
                .filter(|wrapper| !wrapper.is_async && !is_generator(wrapper))
                .map(|wrapper| context.def_at(wrapper.name.range.start()))
                .collect()
        })
    }
}

fn is_inside(names: &Names<'_>, scope: ScopeId, outer: ScopeId) -> bool {
    let mut at = Some(scope);
    while let Some(scope) = at {
        if scope == outer {
            return true;
        }
        at = names.scope(scope).parent;
    }
    false
}

/// Whether a function calls what the function around it is given.
fn calls_given(names: &Names<'_>, function: &ast::StmtFunctionDef) -> bool {
    let Some((function, own, _)) = names.function_at(function.name.range.start()) else {
        return false;
    };
    let mut found = false;
    body::events(names, &function.body, own, &mut |event| {
        if let Event::Call { call, scope, .. } = event
            && let Expr::Name(name) = &*call.func
            && let Some((at, bindings)) = names.lookup(name.id.as_str(), scope)
        {
            found |= at != own
                && matches!(names.scope(at).node, ScopeNode::Function(_))
                && bindings
                    .iter()
                    .any(|binding| matches!(binding, Binding::Parameter(_)));
        }
    });
    found
}
