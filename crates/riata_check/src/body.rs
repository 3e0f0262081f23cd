//! What a function's own body does, in the order of the text: calls, attribute reads, entered contexts.
//!
//! Functions and lambdas defined inside are not part of it: they run when they are called.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};

use crate::names::{Names, ScopeId};
use crate::special::{self, Methods};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Use {
    /// `await call`, `async with call`, `async for … in call`.
    Awaited,
    /// A generator's body runs: `for … in call`, `list(call)`, `yield from call`.
    Iterated,
    /// `with call`.
    Entered,
    /// `value = call`, an argument, a statement …
    Plain,
}

/// What surrounds a place in a body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// In a `try` that expects a socket to have nothing for it: the socket does not block.
    pub(crate) expects_would_block: bool,
    /// In a handler of `KeyError` and its like: done once, when a cache has nothing yet.
    pub(crate) after_miss: bool,
    /// In a handler of what ends a task or a generator: `except BaseException:`.
    pub(crate) at_the_end: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    Call {
        call: &'a ast::ExprCall,
        scope: ScopeId,
        used: Use,
        place: Place,
    },
    /// An attribute that is read or assigned, not called.
    Attribute { attribute: &'a ast::ExprAttribute },
    /// `with value`.
    Entered { value: &'a Expr, scope: ScopeId },
    /// `for … in value`, `list(value)`.
    Iterated { value: &'a Expr, scope: ScopeId },
    /// `value[key]`, `if value:`: Python calls the first of the methods that the value's class has.
    Special {
        value: &'a Expr,
        methods: Methods,
        scope: ScopeId,
    },
}

/// Tell `seen` everything that a body does. `scope` is the function's own.
pub(crate) fn events<'a>(
    names: &'a Names<'a>,
    body: &'a [Stmt],
    scope: ScopeId,
    seen: &mut dyn FnMut(Event<'a>),
) {
    Walker {
        names,
        scope,
        used: Use::Plain,
        place: Place::default(),
        seen,
    }
    .visit_body(body);
}

/// What runs when something is called: the statements of a function, or the expression of a lambda.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Code<'a> {
    Body(&'a [Stmt]),
    Expr(&'a Expr),
}

impl<'a> Code<'a> {
    pub(crate) fn stmts(self) -> &'a [Stmt] {
        match self {
            Self::Body(body) => body,
            Self::Expr(_) => &[],
        }
    }
}

/// The same for either.
pub(crate) fn events_in<'a>(
    names: &'a Names<'a>,
    code: Code<'a>,
    scope: ScopeId,
    seen: &mut dyn FnMut(Event<'a>),
) {
    match code {
        Code::Body(body) => events(names, body, scope, seen),
        Code::Expr(expr) => events_of(names, expr, scope, seen),
    }
}

/// The same for one expression: what a lambda does when it is called.
pub(crate) fn events_of<'a>(
    names: &'a Names<'a>,
    expr: &'a Expr,
    scope: ScopeId,
    seen: &mut dyn FnMut(Event<'a>),
) {
    Walker {
        names,
        scope,
        used: Use::Plain,
        place: Place::default(),
        seen,
    }
    .visit_expr(expr);
}

struct Walker<'a, 's> {
    names: &'a Names<'a>,
    scope: ScopeId,
    /// How the expression that is visited next is used.
    used: Use,
    place: Place,
    seen: &'s mut dyn FnMut(Event<'a>),
}

impl<'a> Walker<'a, '_> {
    fn used(&mut self, expr: &'a Expr, used: Use) {
        self.used = used;
        self.visit_expr(expr);
        self.used = Use::Plain;
    }

    fn comprehension(&mut self, whole: &'a Expr, generators: &'a [ast::Comprehension]) {
        for (index, generator) in generators.iter().enumerate() {
            let used = if generator.is_async {
                Use::Awaited
            } else {
                Use::Iterated
            };
            if index == 0 {
                let inner = self.scope;
                self.scope = self.names.scope(inner).parent.unwrap_or(inner);
                self.iterated(&generator.iter, used);
                self.scope = inner;
            } else {
                self.iterated(&generator.iter, used);
            }
            for condition in &generator.ifs {
                special::tested(condition, &mut self.special());
                self.visit_expr(condition);
            }
        }
        match whole {
            Expr::ListComp(found) => self.visit_expr(&found.elt),
            Expr::SetComp(found) => self.visit_expr(&found.elt),
            Expr::Generator(found) => self.visit_expr(&found.elt),
            Expr::DictComp(found) => {
                if let Some(key) = &found.key {
                    self.visit_expr(key);
                }
                self.visit_expr(&found.value);
            }
            _ => {}
        }
    }

    fn iterated(&mut self, value: &'a Expr, used: Use) {
        self.used(value, used);
        if matches!(used, Use::Iterated) {
            (self.seen)(Event::Iterated {
                value,
                scope: self.scope,
            });
        }
    }

    /// What to do with the values whose methods Python calls by itself.
    fn special(&mut self) -> impl FnMut(&'a Expr, Methods) {
        |value, methods| {
            // A constant, a calculation or a display is of no class of a project's own.
            let may_be_own = matches!(
                value,
                Expr::Name(_)
                    | Expr::Attribute(_)
                    | Expr::Call(_)
                    | Expr::Subscript(_)
                    | Expr::Await(_)
            );
            if may_be_own && !methods.is_empty() {
                (self.seen)(Event::Special {
                    value,
                    methods,
                    scope: self.scope,
                });
            }
        }
    }
}

impl<'a> Visitor<'a> for Walker<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        special::of_stmt(stmt, &mut self.special());
        match stmt {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            Stmt::With(with) => {
                for item in &with.items {
                    if with.is_async {
                        self.used(&item.context_expr, Use::Awaited);
                    } else {
                        let value = &item.context_expr;
                        self.used(value, Use::Entered);
                        (self.seen)(Event::Entered {
                            value,
                            scope: self.scope,
                        });
                    }
                }
                self.visit_body(&with.body);
            }
            Stmt::For(each) => {
                let used = if each.is_async {
                    Use::Awaited
                } else {
                    Use::Iterated
                };
                self.iterated(&each.iter, used);
                self.visit_body(&each.body);
                self.visit_body(&each.orelse);
            }
            Stmt::Assign(assign) if assign.targets.iter().any(is_unpacking) => {
                self.iterated(&assign.value, Use::Iterated);
                assign
                    .targets
                    .iter()
                    .for_each(|target| self.visit_expr(target));
            }
            Stmt::Try(attempt) => {
                let outer = self.place;
                self.place.expects_would_block |= attempt
                    .handlers
                    .iter()
                    .any(|handler| handles(handler, WOULD_BLOCK));
                self.visit_body(&attempt.body);
                self.place = outer;
                for handler in &attempt.handlers {
                    self.place.after_miss |= handles(handler, MISSES);
                    self.place.at_the_end |= handles_the_end(handler);
                    self.visit_except_handler(handler);
                    self.place = outer;
                }
                self.visit_body(&attempt.orelse);
                self.visit_body(&attempt.finalbody);
            }
            // Not run, whatever it says.
            Stmt::If(branch) if is_type_checking(&branch.test) => {
                for clause in &branch.elif_else_clauses {
                    self.visit_body(&clause.body);
                }
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expr: &'a Expr) {
        let used = std::mem::replace(&mut self.used, Use::Plain);
        special::of_expr(expr, &mut self.special());
        match expr {
            Expr::Lambda(_) => {}
            Expr::Await(awaited) => self.used(&awaited.value, Use::Awaited),
            Expr::YieldFrom(from) => self.iterated(&from.value, Use::Iterated),
            Expr::Starred(starred) if starred.ctx.is_load() => {
                self.iterated(&starred.value, Use::Iterated);
            }
            Expr::Call(call) => {
                // Arguments run before the call does.
                match &*call.func {
                    Expr::Attribute(attribute) => self.visit_expr(&attribute.value),
                    Expr::Name(_) => {}
                    other => self.visit_expr(other),
                }
                let runs = is_consumer(&call.func);
                for argument in &call.arguments.args {
                    let used = if runs { Use::Iterated } else { Use::Plain };
                    self.iterated(argument, used);
                }
                for keyword in &call.arguments.keywords {
                    self.visit_expr(&keyword.value);
                }
                (self.seen)(Event::Call {
                    call,
                    scope: self.scope,
                    used,
                    place: self.place,
                });
            }
            Expr::Attribute(attribute) => {
                self.visit_expr(&attribute.value);
                if attribute.ctx.is_load() || attribute.ctx.is_store() {
                    (self.seen)(Event::Attribute { attribute });
                }
            }
            Expr::ListComp(ast::ExprListComp { generators, .. })
            | Expr::SetComp(ast::ExprSetComp { generators, .. })
            | Expr::DictComp(ast::ExprDictComp { generators, .. })
            | Expr::Generator(ast::ExprGenerator { generators, .. }) => {
                let outer = self.scope;
                self.scope = self.names.of_comprehension(expr).unwrap_or(outer);
                self.comprehension(expr, generators);
                self.scope = outer;
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}

/// `a, b = …`
fn is_unpacking(target: &Expr) -> bool {
    matches!(target, Expr::Tuple(_) | Expr::List(_))
}

const WOULD_BLOCK: &[&str] = &["BlockingIOError", "SSLWantReadError", "SSLWantWriteError"];
const MISSES: &[&str] = &["KeyError", "AttributeError", "LookupError", "NameError"];

fn handles_the_end(handler: &ast::ExceptHandler) -> bool {
    handles(handler, &["BaseException", "GeneratorExit"])
}

/// Whether a handler is for one of some exceptions, by their last names.
fn handles(handler: &ast::ExceptHandler, names: &[&str]) -> bool {
    let ast::ExceptHandler::ExceptHandler(handler) = handler;
    let is_one = |class: &Expr| match class {
        Expr::Name(name) => names.contains(&name.id.as_str()),
        Expr::Attribute(attribute) => names.contains(&attribute.attr.as_str()),
        _ => false,
    };
    match handler.type_.as_deref() {
        Some(Expr::Tuple(classes)) => classes.elts.iter().any(is_one),
        Some(class) => is_one(class),
        None => false,
    }
}

/// Builtins that run the generator that they are given.
fn is_consumer(func: &Expr) -> bool {
    match func {
        Expr::Name(name) => matches!(
            name.id.as_str(),
            "list"
                | "tuple"
                | "set"
                | "frozenset"
                | "dict"
                | "sorted"
                | "sum"
                | "any"
                | "all"
                | "min"
                | "max"
                | "next"
                | "enumerate"
                | "zip"
                | "reversed"
        ),
        Expr::Attribute(attribute) => matches!(attribute.attr.as_str(), "join" | "extend"),
        _ => false,
    }
}

pub(crate) fn is_type_checking(test: &Expr) -> bool {
    match test {
        Expr::Name(name) => name.id == "TYPE_CHECKING",
        Expr::Attribute(attribute) => attribute.attr.as_str() == "TYPE_CHECKING",
        _ => false,
    }
}
