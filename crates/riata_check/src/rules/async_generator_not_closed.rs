use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::checker::{Checker, Report};
use crate::context::{Context, last};
use crate::names::{Binding, ScopeId};
use crate::program::Def;
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds `async for` loops over an async generator which may be left early, where the generator has something to clean up and
    /// nothing closes it.
    ///
    /// ## Why is this bad?
    /// A loop that is left by `break`, `return` or an error does not close the generator. What stands in its `finally` or
    /// behind its `async with` runs when the garbage collector finds it: later, in another task, or not at all if the event loop has
    /// ended. A generator that yields from another one is left early whenever its own consumer leaves.
    ///
    /// ## Example
    /// ```python
    /// async def first(url):
    ///     async for message in subscribe(url):
    ///         return message
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def first(url):
    ///     async with contextlib.aclosing(subscribe(url)) as messages:
    ///         async for message in messages:
    ///             return message
    /// ```
    ///
    /// ## False alarms known
    /// Cleaning up that may as well be late. Generators whose source cannot be read are not reported.
    "RIA801", "async-generator-not-closed", default: true, fix: None,
    hooks: [Stmt(check)],
}

fn check(checker: &Checker<'_>, stmt: &Stmt) {
    let Stmt::For(each) = stmt else { return };
    if !each.is_async {
        return;
    }
    let Some(function) = checker.function() else {
        return;
    };
    let Some(leaving) = leaves_early(each, checker) else {
        return;
    };
    if closes(&function.body, each.range()) {
        return;
    }
    let context = &checker.context;
    let Some((call, scope)) = generator_call(context, checker.scope(), &each.iter) else {
        return;
    };
    let callees = context.callees(call, scope);
    let mut cleaned: Option<String> = None;
    for callee in &*callees {
        let Some(def) = callee.def else { return };
        let Some(found) = cleans_up(context, def, 0) else {
            return;
        };
        cleaned.get_or_insert(found);
    }
    let Some(what) = cleaned else { return };
    let name = context.source(&*call.func);
    let message = format!("Async generator `{name}(…)` is not closed when the loop is left early");
    checker.report(
        Report::new(&RULE, &*each.iter, message)
            .related(checker, leaving, "the loop may be left here")
            .note(format!("it has something to clean up: {what}"))
            .help("iterate it in `async with contextlib.aclosing(…)`"),
    );
}

/// The call that made what is iterated: itself, or the only value of a name.
fn generator_call<'a>(
    context: &'a Context<'_>,
    scope: ScopeId,
    iterated: &'a Expr,
) -> Option<(&'a ast::ExprCall, ScopeId)> {
    match iterated {
        Expr::Call(call) => Some((call, scope)),
        Expr::Name(name) => {
            let (scope, bindings) = context.names().lookup(name.id.as_str(), scope)?;
            let [
                Binding::Value(Expr::Call(call))
                | Binding::Annotated {
                    value: Some(Expr::Call(call)),
                    ..
                },
            ] = bindings
            else {
                return None;
            };
            Some((call, scope))
        }
        _ => None,
    }
}

/// Where a loop may end before its iterator does.
fn leaves_early(each: &ast::StmtFor, checker: &Checker<'_>) -> Option<TextRange> {
    let mut exits = Exits {
        loops: 0,
        found: None,
        yields: None,
    };
    exits.visit_body(&each.body);
    if exits.found.is_some() {
        return exits.found;
    }
    // A generator is left where it yields; one that a decorator made a context manager is not.
    let def = checker.context.def_at(checker.function()?.name.start());
    let about = checker.context.worker.function(def)?;
    if about.decorators_are_plain() {
        exits.yields
    } else {
        None
    }
}

struct Exits {
    loops: usize,
    found: Option<TextRange>,
    yields: Option<TextRange>,
}

impl<'a> Visitor<'a> for Exits {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            Stmt::Return(_) => self.found = self.found.or(Some(stmt.range())),
            Stmt::Break(_) if self.loops == 0 => self.found = self.found.or(Some(stmt.range())),
            Stmt::For(_) | Stmt::While(_) => {
                self.loops += 1;
                visitor::walk_stmt(self, stmt);
                self.loops -= 1;
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Lambda(_) => {}
            Expr::Yield(_) => {
                self.yields = self.yields.or(Some(expr.range()));
                visitor::walk_expr(self, expr);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}

/// Whether a function closes a generator, whatever happens in the loop over it.
fn closes(body: &[Stmt], each: TextRange) -> bool {
    let mut found = false;
    uses::exprs(body, true, &mut |expr| {
        if let Expr::Call(call) = expr {
            found |= match uses::called_name(call) {
                "aclosing" | "enter_async_context" | "push_async_callback" => true,
                // One in the loop is for one way out of it.
                "aclose" => !each.contains_range(call.range()),
                _ => false,
            };
        }
    });
    found
}

/// What an async generator cleans up when it is closed, if it is one.
fn cleans_up(context: &Context<'_>, def: Def, depth: usize) -> Option<String> {
    let about = context.worker.function(def)?;
    if about
        .decorators
        .iter()
        .any(|name| name == "abc.abstractmethod")
        && !about.is_generator
    {
        return promised(context, def);
    }
    if !about.is_async || !about.is_generator || !about.decorators_are_plain() {
        return None;
    }
    let module = context.worker.module_of(def)?;
    let inner = Context::new(context.worker, &module);
    let (function, scope, _) = module.names().function_at(def.start)?;
    let mut found = Cleanups {
        context: &inner,
        around: Vec::new(),
        found: None,
        passed_on: Vec::new(),
    };
    found.visit_body(&function.body);
    if found.found.is_some() {
        return found.found;
    }
    // One that only hands on what another one yields.
    if depth < 4 {
        for each in found.passed_on {
            if closes(&function.body, each.range()) {
                continue;
            }
            let Some((call, scope)) = generator_call(&inner, scope, &each.iter) else {
                continue;
            };
            for callee in &*inner.callees(call, scope) {
                if let Some(next) = callee.def
                    && next != def
                    && let Some(what) = cleans_up(&inner, next, depth + 1)
                {
                    return Some(what);
                }
            }
        }
    }
    None
}

/// An abstract method that is declared to give an `AsyncGenerator`, and not just something to iterate: who calls it has to
/// close it, for whatever its implementations open.
fn promised(context: &Context<'_>, def: Def) -> Option<String> {
    let module = context.worker.module_of(def)?;
    let inner = Context::new(context.worker, &module);
    let (function, _, scope) = module.names().function_at(def.start)?;
    let returns = match &**function.returns.as_ref()? {
        Expr::Subscript(subscript) => &*subscript.value,
        other => other,
    };
    matches!(
        inner.dotted(returns, scope).as_deref(),
        Some("typing.AsyncGenerator" | "collections.abc.AsyncGenerator")
    )
    .then(|| "its method is abstract and promises an `AsyncGenerator`".to_owned())
}

struct Cleanups<'c, 'a> {
    context: &'c Context<'c>,
    /// What would be cleaned up around the place at hand.
    around: Vec<String>,
    found: Option<String>,
    passed_on: Vec<&'a ast::StmtFor>,
}

impl<'a> Visitor<'a> for Cleanups<'_, 'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            Stmt::With(with) => {
                let outer = self.around.len();
                for item in &with.items {
                    let named = ast::helpers::map_callable(&item.context_expr);
                    let name = self.context.source(named);
                    if !is_harmless(name) {
                        let keyword = if with.is_async { "async with" } else { "with" };
                        self.around.push(format!("`{keyword} {name}`"));
                    }
                }
                self.visit_body(&with.body);
                self.around.truncate(outer);
            }
            Stmt::Try(attempt) if !attempt.finalbody.is_empty() => {
                self.around.push("a `finally` block".to_owned());
                self.visit_body(&attempt.body);
                for handler in &attempt.handlers {
                    self.visit_except_handler(handler);
                }
                self.visit_body(&attempt.orelse);
                self.around.pop();
                self.visit_body(&attempt.finalbody);
            }
            Stmt::For(each) => {
                if each.is_async {
                    self.passed_on.push(each);
                }
                visitor::walk_stmt(self, stmt);
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Lambda(_) => {}
            Expr::Yield(_) => {
                if self.found.is_none() {
                    self.found = self.around.last().cloned();
                }
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}

/// Contexts that hold nothing that others wait for.
fn is_harmless(name: &str) -> bool {
    matches!(
        last(name),
        "suppress"
            | "nullcontext"
            | "catch_warnings"
            | "aclosing"
            | "localcontext"
            | "redirect_stdout"
    ) || name.to_ascii_lowercase().contains("span")
        || name.to_ascii_lowercase().contains("trace")
}
