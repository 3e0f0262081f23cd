//! Which expressions are locks, and whose: a thread's or an event loop's.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use crate::context::{Context, Value, last};
use crate::flow::{Flow, FrameId, FrameKind, Suspension, What};
use crate::names::{Binding, ScopeId, first_parameter};
use crate::program::Def;
use crate::trace::Node;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockKind {
    Thread,
    Loop,
}

/// Names of the classes that a value may be an instance of; `None` if it may be something else, too.
pub(crate) fn classes(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::Instance(class) => Some(vec![class.name.as_str()]),
        // An attribute that is None until it is made.
        Value::None => Some(Vec::new()),
        Value::Union(values) => {
            let mut all = Vec::new();
            for value in values {
                all.extend(classes(value)?);
            }
            Some(all)
        }
        _ => None,
    }
}

fn kind_of(class: &str) -> Option<LockKind> {
    let (module, name) = class.rsplit_once('.')?;
    let is_lock = matches!(
        name,
        "Lock"
            | "RLock"
            | "Condition"
            | "Semaphore"
            | "BoundedSemaphore"
            | "lock"
            | "LockType"
            | "_RLock"
            | "CapacityLimiter"
    );
    if !is_lock {
        return None;
    }
    match module {
        "threading" | "_thread" | "multiprocessing" | "multiprocessing.synchronize" => {
            Some(LockKind::Thread)
        }
        "asyncio"
        | "asyncio.locks"
        | "anyio"
        | "anyio._core._synchronization"
        | "trio"
        | "trio._sync" => Some(LockKind::Loop),
        _ => None,
    }
}

/// What kind of lock an expression certainly is.
pub(crate) fn lock_kind(context: &Context<'_>, expr: &Expr, scope: ScopeId) -> Option<LockKind> {
    let value = context.value(expr, scope);
    if let Some(classes) = classes(&value)
        && let Some((first, rest)) = classes.split_first()
    {
        let kind = kind_of(first)?;
        return rest
            .iter()
            .all(|class| kind_of(class) == Some(kind))
            .then_some(kind);
    }
    // Made by a function of the project that says nothing about what it returns.
    assigned(context, expr, scope)
        .into_iter()
        .find_map(|(value, scope)| match value {
            Expr::Call(call) => returned_lock(context, call, scope),
            _ => None,
        })
}

fn returned_lock(context: &Context<'_>, call: &ast::ExprCall, scope: ScopeId) -> Option<LockKind> {
    let callees = context.callees(call, scope);
    let def = callees.iter().find(|callee| !callee.is_class)?.def?;
    if !context.program().is_first_party(def.file) {
        return None;
    }
    context.in_function(def, |context, function, own| {
        if function.is_async {
            return None;
        }
        let flow = context.flow(own);
        flow.steps.iter().find_map(|step| match step.what {
            What::Return(found) => {
                let value = context.value(found.value.as_deref()?, step.scope);
                classes(&value)?.first().and_then(|class| kind_of(class))
            }
            _ => None,
        })
    })?
}

/// What is assigned to a name or to an attribute of `self`, with the scope that it is evaluated in.
pub(crate) fn assigned<'a>(
    context: &Context<'a>,
    expr: &Expr,
    scope: ScopeId,
) -> Vec<(&'a Expr, ScopeId)> {
    let names = context.names();
    let of_binding = |binding: &Binding<'a>| match binding {
        Binding::Value(value)
        | Binding::Annotated {
            value: Some(value), ..
        } => Some(*value),
        _ => None,
    };
    match expr {
        Expr::Name(name) => names
            .lookup(name.id.as_str(), scope)
            .map(|(found_in, bindings)| {
                bindings
                    .iter()
                    .filter_map(of_binding)
                    .map(|value| (value, found_in))
                    .collect()
            })
            .unwrap_or_default(),
        Expr::Attribute(attribute) => {
            let Some((class, _)) = names.enclosing_class(scope) else {
                return Vec::new();
            };
            let of_self = names.enclosing_function(scope).is_some_and(|(_, function)| {
                matches!(&*attribute.value, Expr::Name(owner) if first_parameter(function) == Some(owner.id.as_str()))
            });
            if !of_self {
                return Vec::new();
            }
            let name = attribute.attr.as_str();
            let in_methods = names
                .attribute(class, name)
                .iter()
                .filter_map(|found| found.value.map(|value| (value, found.scope)));
            let in_body = names
                .bindings(name, class)
                .iter()
                .filter_map(of_binding)
                .map(|value| (value, class));
            in_methods.chain(in_body).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether entering a context keeps other tasks out, as far as one can tell: a lock by its type or by its name.
pub(crate) fn may_exclude(context: &Context<'_>, expr: &Expr, scope: ScopeId) -> bool {
    if lock_kind(context, expr, scope).is_some() {
        return true;
    }
    let text = context.source(expr).to_ascii_lowercase();
    [
        "lock",
        "mutex",
        "sem",
        "cond",
        "guard",
        "exclusive",
        "transaction",
        "latch",
        "limit",
        "barrier",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// Whether both steps run while one and the same lock is held, or lie behind an `acquire`.
pub(crate) fn locked(context: &Context<'_>, flow: &Flow<'_>, one: usize, other: usize) -> bool {
    let common = flow.common(flow.steps[one].frame, flow.steps[other].frame);
    let scope = flow.steps[one].scope;
    held(context, flow, common, scope)
        || flow.steps[..one].iter().any(|step| match step.what {
            What::Call(call) => match &*call.func {
                Expr::Attribute(method) => {
                    matches!(method.attr.as_str(), "acquire" | "acquire_nowait")
                }
                _ => false,
            },
            _ => false,
        })
}

/// Whether a frame lies in a `with` that may keep other tasks out.
pub(crate) fn held(context: &Context<'_>, flow: &Flow<'_>, frame: FrameId, scope: ScopeId) -> bool {
    flow.frames(frame).any(|(_, frame)| match frame.kind {
        FrameKind::With { item, .. } => may_exclude(context, &item.context_expr, scope),
        _ => false,
    })
}

/// Whether everybody in the module who calls a private method of a class holds a lock, and it is given to nobody else: what
/// keeps others out is the caller's.
pub(crate) fn callers_hold(
    context: &Context<'_>,
    function: &ast::StmtFunctionDef,
    scope: ScopeId,
) -> bool {
    let name = function.name.as_str();
    let words: Vec<&str> = name.split('_').collect();
    if words.contains(&"locked") || words.contains(&"unlocked") {
        return true;
    }
    let names = context.names();
    if !name.starts_with('_') || names.enclosing_class(scope).is_none() {
        return false;
    }
    let mut called = 0;
    for (caller, _) in &names.functions {
        let Some(own) = names.of_function(caller) else {
            continue;
        };
        if own == scope || !context.source(*caller).contains(name) {
            continue;
        }
        let flow = context.flow(own);
        for step in &flow.steps {
            match step.what {
                What::Read(Expr::Attribute(read)) if read.attr.as_str() == name => {
                    if !held(context, &flow, step.frame, step.scope) {
                        return false;
                    }
                    called += 1;
                }
                _ => {}
            }
        }
    }
    called > 0
}

impl Context<'_> {
    /// Look into a function of this or another module; the scope is its own.
    pub(crate) fn in_function<T>(
        &self,
        def: Def,
        look: impl FnOnce(&Context<'_>, &ast::StmtFunctionDef, ScopeId) -> T,
    ) -> Option<T> {
        self.worker.asks(|| Node::Code(def));
        self.in_module_of(def, |context| {
            let (function, own, _) = context.names().function_at(def.start)?;
            Some(look(context, function, own))
        })
    }

    /// Where other tasks may run between two steps, by step; not where a generator hands over to whoever iterates it.
    pub(crate) fn suspensions<'f>(
        &'f self,
        flow: &'f Flow<'_>,
        first: usize,
        later: usize,
    ) -> impl Iterator<Item = (usize, &'f Suspension<'f>)> {
        flow.between(first, later).filter_map(move |middle| {
            let step = flow.steps.get(middle)?;
            match &step.what {
                What::Suspend(suspension)
                    if !matches!(suspension, Suspension::Yield(_))
                        && self.suspends(suspension, step.scope) =>
                {
                    Some((middle, suspension))
                }
                _ => None,
            }
        })
    }

    /// Whether other tasks may run at a suspension: not where a coroutine is awaited that itself never waits.
    pub(crate) fn suspends(&self, suspension: &Suspension<'_>, scope: ScopeId) -> bool {
        self.may_suspend(suspension, scope, 0)
    }

    fn may_suspend(&self, suspension: &Suspension<'_>, scope: ScopeId, depth: usize) -> bool {
        let Suspension::Await(awaited) = suspension else {
            return true;
        };
        let Expr::Call(call) = &*awaited.value else {
            return true;
        };
        if depth > 4 {
            return true;
        }
        let callees = self.callees(call, scope);
        callees.is_empty()
            || callees.iter().any(|callee| {
                let Some(def) = callee.def.filter(|_| !callee.is_class) else {
                    return true;
                };
                if !self.program().is_first_party(def.file)
                    || !self.worker.function(def).is_some_and(|function| {
                        function.is_coroutine() && function.decorators.is_empty()
                    })
                {
                    return true;
                }
                self.in_function(def, |context, function, own| {
                    // A method without a body of its own stands for those that override it.
                    if is_stub(&function.body) {
                        return true;
                    }
                    let flow = context.flow(own);
                    flow.steps.iter().any(|step| match &step.what {
                        What::Suspend(inner) => context.may_suspend(inner, step.scope, depth + 1),
                        _ => false,
                    })
                })
                .unwrap_or(true)
            })
    }
}

/// `...`, `pass`, a docstring, `raise NotImplementedError`: something else is meant to take its place.
pub(crate) fn is_stub(body: &[ast::Stmt]) -> bool {
    body.iter().all(|statement| match statement {
        ast::Stmt::Pass(_) => true,
        ast::Stmt::Expr(found) => {
            matches!(
                &*found.value,
                Expr::StringLiteral(_) | Expr::EllipsisLiteral(_)
            )
        }
        ast::Stmt::Raise(found) => found.exc.as_deref().is_some_and(|error| {
            let error = ast::helpers::map_callable(error);
            matches!(error, Expr::Name(name) if name.id == "NotImplementedError")
        }),
        _ => false,
    })
}

/// `obj.method` of a call, if it is a method by one of these names.
pub(crate) fn method_call<'e>(call: &'e ast::ExprCall, names: &[&str]) -> Option<&'e Expr> {
    match &*call.func {
        Expr::Attribute(found) if names.contains(&found.attr.as_str()) => Some(&found.value),
        _ => None,
    }
}

/// The last part of a name, and the module it is in: `("asyncio", "Lock")`.
pub(crate) fn split(name: &str) -> (&str, &str) {
    let end = last(name);
    (name[..name.len() - end.len()].trim_end_matches('.'), end)
}

/// Whether two places are written alike.
pub(crate) fn same(context: &Context<'_>, one: &impl Ranged, other: &impl Ranged) -> bool {
    context.source(one.range()) == context.source(other.range())
}
