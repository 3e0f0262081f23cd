//! Which calls start tasks, and whether somebody keeps them.
//!
//! An event loop refers to its tasks weakly: a task that nobody else refers to may be collected before it is done.

use dashmap::DashMap;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, AnyNodeRef, Expr, Stmt};
use ruff_text_size::{Ranged, TextSize};
use rustc_hash::FxBuildHasher;

use crate::annotations::last_name;
use crate::context::{Awaitable, Context, Value};
use crate::functions::{Returned, is_generator};
use crate::locals::{Read, is_shared, reads};
use crate::names::{Binding, Names, ScopeId};
use crate::program::{Def, Worker};
use crate::trace::Node;

/// A call that gives a task which is kept by nobody but who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spawn {
    /// The function that starts the task and returns it, when it is not the library's own.
    pub(crate) through: Option<Def>,
    /// It is got by awaiting the call.
    pub(crate) awaited: bool,
}

/// Functions that return a task which they do not keep.
pub(crate) type Wrappers = DashMap<Def, Option<bool>, FxBuildHasher>;

const MAX_DEPTH: usize = 4;

/// The task that a call starts and does not keep.
pub(crate) fn spawned(
    context: &Context<'_>,
    call: &ast::ExprCall,
    scope: ScopeId,
) -> Option<Spawn> {
    spawned_at(context, call, scope, 0)
}

fn spawned_at(
    context: &Context<'_>,
    call: &ast::ExprCall,
    scope: ScopeId,
    depth: usize,
) -> Option<Spawn> {
    let callees = context.callees(call, scope);
    if callees.is_empty() {
        return by_name(context, call, scope);
    }
    let mut found = None;
    for callee in &*callees {
        let this = match context
            .knowledge()
            .facts(&callee.name)
            .and_then(|facts| facts.spawns)
        {
            Some(true) => return None,
            Some(false) => {
                if starts_nothing(context, call, scope) {
                    return None;
                }
                Spawn {
                    through: None,
                    awaited: false,
                }
            }
            None => {
                // A loop of another library, or one that is made up of several: uvloop's, a union of platforms.
                if callee.def.is_none() || callee.name.ends_with("Loop.create_task") {
                    by_name(context, call, scope)?
                } else {
                    let def = callee.def.filter(|_| !callee.is_class)?;
                    let awaited = context.worker.returns_task(def, depth + 1)?;
                    Spawn {
                        through: Some(def),
                        awaited,
                    }
                }
            }
        };
        if found.as_ref().is_some_and(|found| *found != this) {
            return None;
        }
        found = Some(this);
    }
    found
}

/// `loop.create_task(…)` where nothing is known of `loop` but its name.
fn by_name(context: &Context<'_>, call: &ast::ExprCall, scope: ScopeId) -> Option<Spawn> {
    let Expr::Attribute(attribute) = &*call.func else {
        return None;
    };
    if attribute.attr.as_str() != "create_task" || call.arguments.args.is_empty() {
        return None;
    }
    let receiver = match &*attribute.value {
        Expr::Call(call) => last_name(&call.func)?,
        other => last_name(other)?,
    };
    let is_loop = receiver.to_ascii_lowercase().ends_with("loop");
    let spawn = Spawn {
        through: None,
        awaited: false,
    };
    (is_loop && !starts_nothing(context, call, scope)).then_some(spawn)
}

/// `ensure_future` gives back the task or future that it was given.
fn starts_nothing(context: &Context<'_>, call: &ast::ExprCall, scope: ScopeId) -> bool {
    call.arguments.args.first().is_some_and(|argument| {
        matches!(
            context.awaitable(argument, scope),
            Awaitable::Task | Awaitable::Future
        )
    })
}

/// The same for a function that is given as a callback: what calling it would start and drop.
pub(crate) fn spawned_by(context: &Context<'_>, func: &Expr, scope: ScopeId) -> Option<Spawn> {
    let callees = context.meant(func, scope);
    let [callee] = &*callees else { return None };
    match context
        .knowledge()
        .facts(&callee.name)
        .and_then(|facts| facts.spawns)
    {
        Some(true) => None,
        Some(false) => Some(Spawn {
            through: None,
            awaited: false,
        }),
        None => {
            let def = callee.def.filter(|_| !callee.is_class)?;
            let awaited = context.worker.returns_task(def, 1)?;
            (!awaited).then_some(Spawn {
                through: Some(def),
                awaited,
            })
        }
    }
}

impl Worker<'_> {
    /// Whether a function returns a task that it does not keep; `true` when the call has to be awaited for it.
    fn returns_task(&self, def: Def, depth: usize) -> Option<bool> {
        self.asks(|| Node::Wrapper(def));
        if let Some(found) = self.program.memo.wrappers.get(&def) {
            return *found;
        }
        if depth > MAX_DEPTH {
            return None;
        }
        let inside = self.works_out(|| Node::Wrapper(def));
        let found = self.look_for_task(def, depth);
        drop(inside);
        // What was cut short by the depth may be found from elsewhere.
        if found.is_some() || depth == 1 {
            self.program.memo.wrappers.insert(def, found);
        }
        found
    }

    fn look_for_task(&self, def: Def, depth: usize) -> Option<bool> {
        let module = self.module_of(def)?;
        let (function, scope, _) = module.names().function_at(def.start)?;
        let returned = Returned::of(function);
        if returned.is_empty() || is_generator(function) {
            return None;
        }
        let described = self.function(def)?;
        if described.is_property() || described.is_context_manager() {
            return None;
        }
        let context = Context::new(self, &module);
        let mut is_unkept = |value: &&Expr| match value {
            Expr::Call(call) => {
                spawned_at(&context, call, scope, depth).is_some_and(|spawn| !spawn.awaited)
            }
            Expr::Name(name) => {
                let name = name.id.as_str();
                is_spawned_local(&context, name, scope, depth)
                    && !is_shared(&function.body, name)
                    && !is_kept(&context, function, scope, name, true)
            }
            _ => false,
        };
        // What a plain function may return is dropped with the call; what awaiting gives may be the result instead.
        let unkept = if function.is_async {
            returned.iter().all(&mut is_unkept)
        } else {
            returned.iter().any(&mut is_unkept)
        };
        unkept.then_some(function.is_async)
    }
}

/// Whether every value that a name of this very scope gets is a task that was just started.
fn is_spawned_local(context: &Context<'_>, name: &str, scope: ScopeId, depth: usize) -> bool {
    let bindings = context.names().bindings(name, scope);
    !bindings.is_empty()
        && bindings.iter().all(|binding| {
            let value = match binding {
                Binding::Value(value) => value,
                Binding::Annotated {
                    value: Some(value), ..
                } => value,
                // The declaration alone.
                Binding::Annotated { value: None, .. } => return true,
                _ => return false,
            };
            match value {
                Expr::Call(call) => {
                    spawned_at(context, call, scope, depth).is_some_and(|spawn| !spawn.awaited)
                }
                _ => false,
            }
        })
}

/// Whether a function does anything with a local task that keeps it, or that waits for it. Returning it does not count when
/// `returning` is not to.
pub(crate) fn is_kept(
    context: &Context<'_>,
    function: &ast::StmtFunctionDef,
    scope: ScopeId,
    name: &str,
    returning: bool,
) -> bool {
    reads(&function.body, name)
        .iter()
        .any(|read| !is_weak(context, function, scope, read, returning))
}

/// Whether a read of a task's name neither keeps the task nor waits for it.
fn is_weak(
    context: &Context<'_>,
    function: &ast::StmtFunctionDef,
    scope: ScopeId,
    read: &Read<'_>,
    returning: bool,
) -> bool {
    if read.nested {
        return false;
    }
    match read.parent() {
        Some(AnyNodeRef::StmtReturn(_)) => returning,
        Some(AnyNodeRef::ExprAttribute(attribute)) => {
            let Some(AnyNodeRef::ExprCall(call)) = read.grandparent() else {
                return false;
            };
            if call.func.range() != attribute.range() {
                return false;
            }
            match attribute.attr.as_str() {
                "add_done_callback" => call.arguments.args.first().is_some_and(|callback| {
                    !is_sign_of_keeping(context, function, scope, callback)
                }),
                "set_name" | "get_name" => true,
                _ => false,
            }
        }
        // Written to the log, or put into a container that dies with the function.
        Some(AnyNodeRef::ExprCall(call)) => {
            let Expr::Attribute(attribute) = &*call.func else {
                return call
                    .func
                    .as_name_expr()
                    .is_some_and(|name| matches!(name.id.as_str(), "print" | "len"));
            };
            match (&*attribute.value, attribute.attr.as_str()) {
                (owner, "debug" | "info" | "warning" | "error") => {
                    last_name(owner).is_some_and(|owner| owner.to_ascii_lowercase().contains("log"))
                }
                (Expr::Name(owner), "add" | "append") => {
                    is_dying_container(context.names(), function, scope, owner.id.as_str())
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// `add_done_callback(self._tasks.discard)`: it was put there, maybe by a helper. A container that dies with the function
/// keeps nothing.
fn is_sign_of_keeping(
    context: &Context<'_>,
    function: &ast::StmtFunctionDef,
    scope: ScopeId,
    callback: &Expr,
) -> bool {
    match callback {
        Expr::Attribute(attribute)
            if matches!(attribute.attr.as_str(), "discard" | "remove" | "pop") =>
        {
            match &*attribute.value {
                Expr::Name(owner) => {
                    !is_dying_container(context.names(), function, scope, owner.id.as_str())
                }
                _ => true,
            }
        }
        _ => {
            let text = context.source(callback);
            text.contains(".discard") || text.contains(".remove") || text.contains(".pop")
        }
    }
}

/// A set or list that is made in the function and used for nothing but to put tasks in and take them out.
pub(crate) fn is_dying_container(
    names: &Names<'_>,
    function: &ast::StmtFunctionDef,
    scope: ScopeId,
    name: &str,
) -> bool {
    let bindings = names.bindings(name, scope);
    let made_here = !bindings.is_empty()
        && bindings.iter().all(|binding| {
            let value = match binding {
                Binding::Value(value) => value,
                Binding::Annotated {
                    value: Some(value), ..
                } => value,
                _ => return false,
            };
            match value {
                Expr::List(list) => list.elts.is_empty(),
                Expr::Call(call) => {
                    call.arguments.is_empty()
                        && matches!(last_name(&call.func), Some("set" | "list"))
                }
                _ => false,
            }
        });
    made_here
        && !is_shared(&function.body, name)
        && reads(&function.body, name).iter().all(|read| {
            !read.nested
                && match read.parent() {
                    Some(AnyNodeRef::ExprAttribute(attribute)) => {
                        matches!(
                            attribute.attr.as_str(),
                            "add" | "append" | "discard" | "remove"
                        )
                    }
                    Some(AnyNodeRef::ExprCall(call)) => call
                        .func
                        .as_name_expr()
                        .is_some_and(|name| name.id == "len"),
                    _ => false,
                }
        })
}

/// Whether a function goes on for a while after a place: it awaits, yields or runs a loop, so that its locals live on.
pub(crate) fn lives_on(function: &ast::StmtFunctionDef, from: TextSize) -> bool {
    struct Awaits(TextSize, bool);
    impl<'a> Visitor<'a> for Awaits {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            match stmt {
                Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
                Stmt::For(each) => {
                    self.1 |= each.is_async && each.start() >= self.0;
                    visitor::walk_stmt(self, stmt);
                }
                Stmt::With(with) => {
                    // The end of an `async with` waits, too.
                    self.1 |= with.is_async && with.end() >= self.0;
                    visitor::walk_stmt(self, stmt);
                }
                _ => visitor::walk_stmt(self, stmt),
            }
        }

        fn visit_expr(&mut self, expr: &'a Expr) {
            match expr {
                Expr::Await(_) | Expr::Yield(_) | Expr::YieldFrom(_) => {
                    self.1 |= expr.start() >= self.0;
                }
                Expr::Call(call) if expr.start() >= self.0 => {
                    self.1 |= matches!(
                        last_name(&call.func),
                        Some(
                            "run_forever"
                                | "run_until_complete"
                                | "run"
                                | "join"
                                | "wait"
                                | "exec_"
                        )
                    );
                }
                Expr::Lambda(_) => return,
                _ => {}
            }
            visitor::walk_expr(self, expr);
        }
    }
    let mut found = Awaits(from, false);
    found.visit_body(&function.body);
    found.1
}

/// Whether types say that a value is something else than a task.
pub(crate) fn is_no_task(value: &Value) -> bool {
    match value {
        Value::Unknown | Value::Never | Value::Named(_) | Value::Union(_) => false,
        Value::Instance(class) => !matches!(class.name.as_str(), "asyncio.Task" | "asyncio.Future"),
        _ => true,
    }
}
