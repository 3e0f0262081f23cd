use ruff_python_ast as ast;
use ruff_python_ast::{Expr, helpers::map_callable};

use crate::checker::{Checker, Report};
use crate::functions::is_generator;
use crate::names::ScopeId;
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds `functools.lru_cache`, `cache` and `cached_property` on `async def` functions.
    ///
    /// ## Why is this bad?
    /// What is cached is the coroutine, and a coroutine can be awaited once. The second call with the same arguments gets it
    /// again and fails with `RuntimeError: cannot reuse already awaited coroutine`.
    ///
    /// ## Example
    /// ```python
    /// @functools.lru_cache
    /// async def fetch(name):
    ///     return await client.get(name)
    /// ```
    ///
    /// ## Use instead
    /// Keep the results in a dictionary, or take a cache that is made for async functions, such as the one of `async_lru`:
    ///
    /// ```python
    /// @alru_cache
    /// async def fetch(name):
    ///     return await client.get(name)
    /// ```
    ///
    /// ## Fix safety
    /// There is no fix.
    ///
    /// ## False alarms known
    /// None.
    "RIA208", "cached-coroutine-function", default: true, fix: None,
    hooks: [Function(check_function), Call(check_call)],
}

fn check_function(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    if !function.is_async || is_generator(function) {
        return;
    }
    let context = &checker.context;
    let outer = context
        .names()
        .scope(checker.scope())
        .parent
        .unwrap_or(ScopeId::MODULE);
    // A decorator below may make something of the coroutine that can be awaited many times.
    for decorator in function.decorator_list.iter().rev() {
        let Some(name) = context.dotted(map_callable(&decorator.expression), outer) else {
            return;
        };
        if is_cache(&name) {
            let message = format!(
                "`{name}` keeps the coroutine of `{}`, which can be awaited only once",
                function.name
            );
            checker.report(
                Report::new(&RULE, decorator, message)
                    .help("keep the results instead, or use a cache for async functions"),
            );
            return;
        }
        if !matches!(
            name.as_str(),
            "builtins.staticmethod" | "builtins.classmethod" | "functools.wraps"
        ) {
            return;
        }
    }
}

/// `fetch = lru_cache(maxsize=10)(_fetch)`
fn check_call(checker: &Checker<'_>, call: &ast::ExprCall) {
    let [argument @ (Expr::Name(_) | Expr::Attribute(_))] = &*call.arguments.args else {
        return;
    };
    let Some(name) = checker.dotted(map_callable(&call.func)) else {
        return;
    };
    if !is_cache(&name) {
        return;
    }
    let meant = checker.context.meant(argument, checker.scope());
    let [callee] = &*meant else { return };
    let is_async = callee
        .def
        .and_then(|def| checker.context.worker.function(def))
        .is_some_and(|function| function.gives_coroutine());
    if is_async {
        let source = checker.context.source(argument);
        let message =
            format!("`{name}` keeps the coroutine of `{source}`, which can be awaited only once");
        checker.report(
            Report::new(&RULE, call, message)
                .help("keep the results instead, or use a cache for async functions"),
        );
    }
}

fn is_cache(name: &str) -> bool {
    matches!(
        name,
        "functools.lru_cache"
            | "functools.cache"
            | "functools.cached_property"
            | "cachetools.cached"
            | "cachetools.cachedmethod"
            | "cachetools.func.ttl_cache"
            | "cachetools.func.lru_cache"
            | "cachetools.func.lfu_cache"
            | "methodtools.lru_cache"
            | "django.utils.functional.cached_property"
    )
}
