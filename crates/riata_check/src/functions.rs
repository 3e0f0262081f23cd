//! What is known of a function wherever it is defined: async or not, how it is decorated, what its comments say.

use std::sync::Arc;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::context::Context;
use crate::names::{ScopeId, ScopeNode};
use crate::program::{Def, Worker};

/// What a comment on a function says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    /// `# riata: blocks`
    Blocks,
    /// `# riata: does-not-block`
    DoesNotBlock,
}

#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// `pkg.module.Class.method`
    pub(crate) name: String,
    pub(crate) is_async: bool,
    pub(crate) is_generator: bool,
    /// Full names of its decorators, as far as they are names.
    pub(crate) decorators: Vec<String>,
    pub(crate) marker: Option<Marker>,
    pub(crate) is_method: bool,
}

impl Function {
    /// A call gives a coroutine, but for what decorators make of it.
    pub(crate) fn is_coroutine(&self) -> bool {
        self.is_async && !self.is_generator
    }

    /// No decorator that could change what a call gives.
    pub(crate) fn decorators_are_plain(&self) -> bool {
        self.decorators.iter().all(|name| {
            matches!(
                name.as_str(),
                "builtins.staticmethod"
                    | "builtins.classmethod"
                    | "abc.abstractmethod"
                    | "typing.overload"
                    | "typing.override"
                    | "typing_extensions.override"
                    | "typing.final"
                    | "functools.wraps"
            )
        })
    }

    pub(crate) fn is_property(&self) -> bool {
        self.decorators.iter().any(|name| {
            matches!(name.as_str(), "builtins.property" | "functools.cached_property")
                || name.ends_with(".cached_property")
                || name.ends_with(".setter")
        })
    }

    /// It runs once for the same arguments.
    pub(crate) fn is_cached(&self) -> bool {
        self.decorators.iter().any(|name| {
            matches!(
                name.as_str(),
                "functools.cache" | "functools.lru_cache" | "functools.cached_property"
            )
        })
    }

    /// A generator that is turned into an async context manager.
    pub(crate) fn is_async_context_manager(&self) -> bool {
        self.decorators.iter().any(|name| name == "contextlib.asynccontextmanager")
    }

    pub(crate) fn is_context_manager(&self) -> bool {
        self.decorators.iter().any(|name| name == "contextlib.contextmanager")
    }
}

impl Context<'_> {
    /// Whether the event loop runs a function's body, and in which words: an `async def`, a callback by its decorator, or a
    /// method that a protocol's or a handler's base class has for the loop to call. `scope` is the function's own.
    pub(crate) fn runs_in_loop(
        &self,
        function: &ast::StmtFunctionDef,
        scope: ScopeId,
    ) -> Option<&'static str> {
        if function.is_async {
            return Some("Async function");
        }
        let outer = self.names().scope(scope).parent?;
        let is_run = |name: &str| {
            self.knowledge().facts(name).is_some_and(|facts| facts.runs_in_loop)
        };
        let decorated = function.decorator_list.iter().any(|decorator| {
            let named = ast::helpers::map_callable(&decorator.expression);
            self.dotted(named, outer).is_some_and(|name| is_run(&name))
        });
        if decorated {
            return Some("Callback of the event loop");
        }
        let ScopeNode::Class(class) = self.names().scope(outer).node else { return None };
        let around = self.names().scope(outer).parent?;
        let inherited = class.bases().iter().any(|base| {
            self.dotted(base, around).is_some_and(|base| is_run(&format!("{base}.{}", function.name)))
        });
        inherited.then_some("Callback of the event loop")
    }
}

impl Worker<'_> {
    /// The function that is defined at a place; `None` for a class, or a file that cannot be read.
    pub(crate) fn function(&self, def: Def) -> Option<Arc<Function>> {
        if let Some(found) = self.program.memo.functions.get(&def) {
            return found.clone();
        }
        let found = self.describe(def).map(Arc::new);
        self.program.memo.functions.entry(def).or_insert(found).clone()
    }

    fn describe(&self, def: Def) -> Option<Function> {
        let module = self.module(def.file)?;
        let context = Context::new(self, &module);
        let (function, _, scope) = module.names().function_at(def.start)?;
        let decorators = function
            .decorator_list
            .iter()
            .map(|decorator| {
                let named = ast::helpers::map_callable(&decorator.expression);
                context
                    .dotted(named, scope)
                    .unwrap_or_else(|| context.source(named).to_owned())
            })
            .collect();
        Some(Function {
            name: format!(
                "{}.{}",
                module.text().name,
                module.names().qualname(scope, function.name.as_str())
            ),
            is_async: function.is_async,
            is_generator: is_generator(function),
            decorators,
            marker: marker(module.text().line(function.name.start())),
            is_method: matches!(module.names().scope(scope).node, ScopeNode::Class(_)),
        })
    }
}

/// `# riata: blocks` at the end of the `def` line.
fn marker(line: &str) -> Option<Marker> {
    let (_, comment) = line.rsplit_once('#')?;
    match comment.trim().strip_prefix("riata:")?.trim() {
        "blocks" => Some(Marker::Blocks),
        "does-not-block" => Some(Marker::DoesNotBlock),
        _ => None,
    }
}

/// Whether a function's own body yields.
pub(crate) fn is_generator(function: &ast::StmtFunctionDef) -> bool {
    struct Yields(bool);
    impl<'a> Visitor<'a> for Yields {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            if !self.0 && !matches!(stmt, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
                visitor::walk_stmt(self, stmt);
            }
        }

        fn visit_expr(&mut self, expr: &'a Expr) {
            match expr {
                Expr::Yield(_) | Expr::YieldFrom(_) => self.0 = true,
                Expr::Lambda(_) => {}
                _ => visitor::walk_expr(self, expr),
            }
        }
    }
    let mut found = Yields(false);
    found.visit_body(&function.body);
    found.0
}
