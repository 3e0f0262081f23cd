//! What is known of a function wherever it is defined: async or not, how it is decorated, what its comments say.

use std::sync::Arc;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::context::{Context, Entity, Value, last};
use crate::knowledge::Facts;
use crate::names::{ScopeId, ScopeNode};
use crate::program::{Def, Worker};
use crate::trace::Node;

/// What a comment on a function says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    /// `# riata: blocks`
    Blocks,
    /// `# riata: does-not-block`
    DoesNotBlock,
}

/// What messages call a function that the event loop calls, and that is not async.
pub(crate) const CALLBACK: &str = "Callback of the event loop";
/// What messages call a lambda.
pub(crate) const LAMBDA: &str = "lambda";

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
    /// Its body does nothing: others implement it.
    pub(crate) is_stub: bool,
    /// What its decorators make of a coroutine function is one.
    pub(crate) keeps_async: bool,
}

impl Function {
    fn lambda() -> Self {
        Self {
            name: LAMBDA.to_owned(),
            is_async: false,
            is_generator: false,
            decorators: Vec::new(),
            marker: None,
            is_method: false,
            is_stub: false,
            keeps_async: false,
        }
    }

    /// A call gives a coroutine, but for what decorators make of it.
    pub(crate) fn is_coroutine(&self) -> bool {
        self.is_async && !self.is_generator
    }

    /// A call gives a coroutine, decorators considered.
    pub(crate) fn gives_coroutine(&self) -> bool {
        self.is_coroutine() && self.keeps_async
    }

    /// No decorator that could change what a call gives.
    pub(crate) fn decorators_are_plain(&self) -> bool {
        self.decorators.iter().all(|name| is_plain_decorator(name))
    }

    pub(crate) fn is_property(&self) -> bool {
        self.decorators.iter().any(|name| {
            matches!(
                name.as_str(),
                "builtins.property" | "functools.cached_property"
            ) || name.ends_with(".cached_property")
        })
    }

    pub(crate) fn is_setter(&self) -> bool {
        self.decorators.iter().any(|name| name.ends_with(".setter"))
    }

    /// It runs once for the same arguments.
    pub(crate) fn is_cached(&self) -> bool {
        self.decorators.iter().any(|name| {
            matches!(
                name.as_str(),
                "functools.cache"
                    | "functools.lru_cache"
                    | "functools.cached_property"
                    | "toolz.memoize"
            )
        })
    }

    /// A decorator says that the body runs in a thread, or that something async stands in for it where a loop runs.
    pub(crate) fn runs_elsewhere(&self) -> bool {
        const WORDS: &[&str] = &[
            "async",
            "sync_compatible",
            "to_thread",
            "in_thread",
            "threaded",
            "threadpool",
            "executor",
        ];
        self.decorators.iter().any(|name| {
            let name = last(name);
            !is_plain_decorator(name) && WORDS.iter().any(|word| name.contains(word))
        })
    }

    /// A generator that is turned into an async context manager.
    pub(crate) fn is_async_context_manager(&self) -> bool {
        self.decorators
            .iter()
            .any(|name| name == "contextlib.asynccontextmanager")
    }

    pub(crate) fn is_context_manager(&self) -> bool {
        self.decorators
            .iter()
            .any(|name| name == "contextlib.contextmanager")
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
            self.knowledge()
                .facts(name)
                .is_some_and(|facts| facts.runs_in_loop)
        };
        let decorated = function.decorator_list.iter().any(|decorator| {
            let named = ast::helpers::map_callable(&decorator.expression);
            self.dotted(named, outer).is_some_and(|name| is_run(&name))
        });
        if decorated {
            return Some(CALLBACK);
        }
        self.is_inherited(function, scope, |facts| facts.runs_in_loop)
            .then_some(CALLBACK)
    }

    /// Whether a thread of a library, or one that its class is, runs a method.
    pub(crate) fn runs_in_thread(&self, function: &ast::StmtFunctionDef, scope: ScopeId) -> bool {
        !function.is_async && self.is_inherited(function, scope, |facts| facts.runs_in_thread)
    }

    /// Whether something is known of the method that a function overrides.
    fn is_inherited(
        &self,
        function: &ast::StmtFunctionDef,
        scope: ScopeId,
        known: fn(&Facts) -> bool,
    ) -> bool {
        let Some(outer) = self.names().scope(scope).parent else {
            return false;
        };
        let ScopeNode::Class(class) = self.names().scope(outer).node else {
            return false;
        };
        let Some(around) = self.names().scope(outer).parent else {
            return false;
        };
        let name = function.name.as_str();
        class
            .bases()
            .iter()
            .any(|base| self.is_known_method(base, around, name, known, 0))
    }

    /// Whether something is known of a method of a base, or of a base of that.
    fn is_known_method(
        &self,
        base: &Expr,
        scope: ScopeId,
        method: &str,
        known: fn(&Facts) -> bool,
        depth: usize,
    ) -> bool {
        const MOST_BASES: usize = 4;
        let is_run = self.dotted(base, scope).is_some_and(|base| {
            self.knowledge()
                .facts(&format!("{base}.{method}"))
                .is_some_and(known)
        });
        if is_run || depth == MOST_BASES {
            return is_run;
        }
        let Value::Class(Entity { def: Some(def), .. }) = self.value(base, scope) else {
            return false;
        };
        self.in_module_of(def, |context| {
            context
                .names()
                .class_at(def.start)
                .is_some_and(|(class, _, outer)| {
                    class
                        .bases()
                        .iter()
                        .any(|base| context.is_known_method(base, outer, method, known, depth + 1))
                })
        })
    }
}

impl Worker<'_> {
    /// The function that is defined at a place; `None` for a class, or a file that cannot be read.
    pub(crate) fn function(&self, def: Def) -> Option<Arc<Function>> {
        self.asks(|| Node::Function(def));
        if let Some(found) = self.program.memo.functions.get(&def) {
            return found.clone();
        }
        let _inside = self.works_out(|| Node::Function(def));
        let found = self.describe(def).map(Arc::new);
        self.program
            .memo
            .functions
            .entry(def)
            .or_insert(found)
            .clone()
    }

    fn describe(&self, def: Def) -> Option<Function> {
        let module = self.module_for_interface(def.file)?;
        let context = Context::new(self, &module);
        let Some((function, _, scope)) = module.names().function_at(def.start) else {
            return module
                .names()
                .lambda_at(def.start)
                .map(|_| Function::lambda());
        };
        let decorators: Vec<String> = function
            .decorator_list
            .iter()
            .map(|decorator| {
                let named = ast::helpers::map_callable(&decorator.expression);
                context
                    .dotted(named, scope)
                    .unwrap_or_else(|| context.source(named).to_owned())
            })
            .collect();
        let keeps_async = function.is_async
            && function
                .decorator_list
                .iter()
                .zip(&decorators)
                .all(|(decorator, name)| {
                    is_plain_decorator(name)
                        || is_transparent_decorator(name)
                        || self.decorator_keeps_async(&context, &decorator.expression, scope)
                });
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
            is_stub: is_stub(function),
            is_method: matches!(module.names().scope(scope).node, ScopeNode::Class(_)),
            keeps_async,
        })
    }
}

impl Worker<'_> {
    /// Whether a decorator that can be read gives back an async function for an async function.
    fn decorator_keeps_async(
        &self,
        context: &Context<'_>,
        decorator: &Expr,
        scope: ScopeId,
    ) -> bool {
        let (named, factory) = match decorator {
            Expr::Call(call) => (&*call.func, true),
            other => (other, false),
        };
        let meant = context.meant(named, scope);
        let [callee] = &*meant else { return false };
        let Some(def) = callee.def else { return false };
        let Some(module) = self.module_of(def) else {
            return false;
        };
        let Some((function, _, _)) = module.names().function_at(def.start) else {
            return false;
        };
        let made = if factory {
            let returned = Returned::of(function);
            let [Expr::Name(inner)] = returned.as_slice() else {
                return false;
            };
            let Some(inner) = nested(function, inner.id.as_str()) else {
                return false;
            };
            inner
        } else {
            function
        };
        wraps_async(made)
    }
}

/// Whether every value that a decorator returns is an async function of its own, or the function that it was given, or calls
/// that one and returns what it gives.
fn wraps_async(decorator: &ast::StmtFunctionDef) -> bool {
    let Some(given) = crate::names::first_parameter(decorator) else {
        return false;
    };
    let returned = Returned::of(decorator);
    let mut some_async = false;
    let all = returned.iter().all(|value| {
        let Expr::Name(name) = value else {
            return false;
        };
        if name.id == given {
            return true;
        }
        let Some(inner) = nested(decorator, name.id.as_str()) else {
            return false;
        };
        if inner.is_async && !is_generator(inner) {
            some_async = true;
            return true;
        }
        let results = Returned::of(inner);
        !results.is_empty()
            && !inner.is_async
            && results.iter().all(|result| match result {
                Expr::Call(call) => call
                    .func
                    .as_name_expr()
                    .is_some_and(|called| called.id == given),
                _ => false,
            })
    });
    !returned.is_empty() && (all || (some_async && Asks::whether_async(decorator)))
}

/// `if iscoroutinefunction(function):` somewhere in a decorator.
struct Asks(bool);

impl Asks {
    fn whether_async(function: &ast::StmtFunctionDef) -> bool {
        let mut asks = Self(false);
        asks.visit_body(&function.body);
        asks.0
    }
}

impl<'a> Visitor<'a> for Asks {
    fn visit_expr(&mut self, expr: &'a Expr) {
        let name = match expr {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => "",
        };
        self.0 |= matches!(
            name,
            "iscoroutinefunction" | "is_coroutine_function" | "is_async_callable"
        );
        visitor::walk_expr(self, expr);
    }
}

/// The values that a function's own `return` statements give.
pub(crate) struct Returned<'a>(Vec<&'a Expr>);

impl<'a> Returned<'a> {
    pub(crate) fn of(function: &'a ast::StmtFunctionDef) -> Vec<&'a Expr> {
        let mut found = Self(Vec::new());
        found.visit_body(&function.body);
        found.0
    }
}

impl<'a> Visitor<'a> for Returned<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Return(statement) => self.0.extend(statement.value.as_deref()),
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

/// The function that is defined in the body of another one by a name.
fn nested<'a>(function: &'a ast::StmtFunctionDef, name: &str) -> Option<&'a ast::StmtFunctionDef> {
    struct Find<'a, 'n>(&'n str, Option<&'a ast::StmtFunctionDef>);
    impl<'a> Visitor<'a> for Find<'a, '_> {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            match stmt {
                Stmt::FunctionDef(function) => {
                    if function.name.as_str() == self.0 {
                        self.1 = Some(function);
                    }
                }
                Stmt::ClassDef(_) => {}
                _ => visitor::walk_stmt(self, stmt),
            }
        }

        fn visit_expr(&mut self, _: &'a Expr) {}
    }
    let mut found = Find(name, None);
    found.visit_body(&function.body);
    found.1
}

fn is_plain_decorator(name: &str) -> bool {
    matches!(
        name,
        "builtins.staticmethod"
            | "builtins.classmethod"
            | "abc.abstractmethod"
            | "typing.overload"
            | "typing.override"
            | "typing_extensions.override"
            | "typing.final"
            | "functools.wraps"
    )
}

/// Decorators of libraries that give a coroutine function for one.
fn is_transparent_decorator(name: &str) -> bool {
    name.starts_with("tenacity.")
        || name.starts_with("backoff.on_")
        || name.starts_with("fastapi.")
        || name.starts_with("pytest.mark.")
        || name.starts_with("unittest.mock.patch")
        || matches!(
            name,
            "typing.final"
                | "typing_extensions.final"
                | "typing_extensions.deprecated"
                | "warnings.deprecated"
        )
}

/// Whether a function's body does nothing: a docstring, `...`, `pass`, `raise NotImplementedError`.
pub(crate) fn is_stub(function: &ast::StmtFunctionDef) -> bool {
    function.body.iter().all(|stmt| match stmt {
        Stmt::Pass(_) | Stmt::Raise(_) => true,
        Stmt::Expr(expr) => {
            matches!(
                &*expr.value,
                Expr::StringLiteral(_) | Expr::EllipsisLiteral(_)
            )
        }
        _ => false,
    })
}

/// `# riata: blocks` at the end of the `def` line.
pub(crate) fn marker(line: &str) -> Option<Marker> {
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
