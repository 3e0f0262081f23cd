//! What a call, an attribute or a `with` runs there and then.

use std::rc::Rc;
use std::sync::Arc;

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use super::{Run, Runs};
use crate::body::{self, Event, Place, Use};
use crate::callbacks;
use crate::context::{Callee, Context, Value};
use crate::functions::Function;
use crate::knowledge::{BlockKind, Blocks};
use crate::names::{ScopeId, ScopeNode, first_parameter};
use crate::program::Def;

impl<'a> Context<'a> {
    /// What an event of a body runs there and then. Several rules ask the same.
    pub(crate) fn runs(&self, event: Event<'_>, found: &mut dyn FnMut(TextRange, Run)) {
        let range = match event {
            Event::Call { call, .. } => call.range(),
            Event::Attribute { attribute } => attribute.range(),
            Event::Entered { .. } | Event::Iterated { .. } | Event::Special { .. } => {
                return self.runs_on(None, event, found);
            }
        };
        let known = self.runs.borrow().get(&range).cloned();
        let runs = known.unwrap_or_else(|| {
            let mut runs = Vec::new();
            self.runs_on(None, event, &mut |range, run| runs.push((range, run)));
            let runs: Rc<[_]> = runs.into();
            self.runs.borrow_mut().insert(range, Rc::clone(&runs));
            runs
        });
        for (range, run) in &*runs {
            found(*range, run.clone());
        }
    }

    /// The same, in a method of an object of the class `receiver`.
    pub(super) fn runs_on(
        &self,
        receiver: Option<Def>,
        event: Event<'_>,
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        match event {
            Event::Call {
                call,
                scope,
                used,
                place,
            } => {
                let on_self = receiver.and_then(|class| self.method_of_self(call, scope, class));
                if let Some((runs, name)) = on_self {
                    let is_plain = || {
                        self.worker.function(runs.def).is_some_and(|function| {
                            function.decorators_are_plain() && !function.is_generator
                        })
                    };
                    if !matches!(used, Use::Awaited) {
                        self.method_call_runs(runs, name, call, used, found);
                    } else if is_plain() {
                        self.method_call_runs(runs, name, call, Use::Plain, found);
                    }
                    return;
                }
                let callees = self.callees(call, scope);
                if callees.is_empty()
                    && self.worker.has_plain_method("__call__")
                    && let Some(class) = self.class_of(&call.func, scope)
                {
                    self.method_runs(class, "__call__", call.range(), found);
                }
                let is_meant = self.meant_by_coroutine(&callees, matches!(used, Use::Awaited));
                for callee in callees.iter().filter(|callee| is_meant(callee)) {
                    if matches!(used, Use::Awaited) {
                        self.await_runs(callee, (call, scope, receiver), place, found);
                    } else {
                        self.call_runs(callee, (call, scope, receiver), used, place, found);
                    }
                }
            }
            Event::Attribute { attribute } => {
                let Some(types) = self.types_at(attribute) else {
                    return;
                };
                if !self.program().settings.follow_properties {
                    return;
                }
                for definition in types.attribute(attribute) {
                    let def = self.program().def(&definition);
                    let is_run = |function: &Function| {
                        if attribute.ctx.is_store() {
                            function.is_setter()
                        } else {
                            function.is_property()
                        }
                    };
                    if self
                        .worker
                        .function(def)
                        .is_some_and(|function| is_run(&function))
                    {
                        let name = definition.qualname.clone();
                        let runs = Runs {
                            def,
                            receiver: None,
                        };
                        found(attribute.range(), Run::Function { runs, name });
                    }
                }
            }
            Event::Entered { value, scope } => {
                if let Some(class) = self.class_of(value, scope) {
                    self.method_runs(class, "__enter__", value.range(), found);
                    self.method_runs(class, "__exit__", value.range(), found);
                }
            }
            Event::Iterated { value, scope } => {
                if let Some(class) = self.class_of(value, scope) {
                    self.method_runs(class, "__iter__", value.range(), found);
                    self.method_runs(class, "__next__", value.range(), found);
                }
            }
            Event::Special {
                value,
                methods,
                scope,
            } => {
                // Nearly all values have these methods of builtins, and there they are quick.
                let of_project = |method: &&str| self.worker.has_plain_method(method);
                if methods.iter().any(of_project)
                    && let Some(class) = self.class_of(value, scope)
                    && let Some(method) = methods
                        .iter()
                        .find(|method| self.method(class, method).is_some())
                {
                    self.method_runs(class, method, value.range(), found);
                }
            }
        }
    }

    /// Which of several things a call may run it runs in a coroutine: of a synchronous class and its async twin the twin.
    fn meant_by_coroutine(&self, callees: &[Callee], awaited: bool) -> impl Fn(&Callee) -> bool {
        let is_async = move |callee: &Callee| {
            awaited
                && !callee.is_class
                && callee
                    .def
                    .and_then(|def| self.worker.function(def))
                    .is_some_and(|function| function.is_async)
        };
        let several = callees.len() > 1;
        let one_is_awaited = several && callees.iter().any(is_async);
        let one_is_twin = several && callees.iter().any(|callee| is_twin(&callee.name));
        move |callee| {
            (!one_is_awaited || is_async(callee)) && (!one_is_twin || is_twin(&callee.name))
        }
    }

    /// An awaited coroutine of an installed package runs here as much as a function does. The project's own are looked at
    /// where they stand. What makes an awaitable or an async context, a plain function or a class, runs before it is awaited.
    fn await_runs(
        &self,
        callee: &Callee,
        (call, scope, receiver): (&ast::ExprCall, ScopeId, Option<Def>),
        place: Place,
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        let is_known = self.knowledge().facts(&callee.name).is_some();
        if callee.is_class {
            // `async with Client():`, where the constructor is what blocks.
            return self.call_runs(callee, (call, scope, receiver), Use::Plain, place, found);
        }
        let Some(def) = callee.def else { return };
        if is_known {
            return;
        }
        let Some(function) = self.worker.function(def) else {
            return;
        };
        if function.is_async {
            self.wrappers_run(def, call.range(), found);
        } else {
            // A decorator may be what makes it awaitable, and hand it to a thread.
            if function.decorators_are_plain() && !function.is_generator {
                self.call_runs(callee, (call, scope, receiver), Use::Plain, place, found);
            }
            return;
        }
        self.arguments_run(def, (call, scope, receiver), found);
        if self.program().is_first_party(def.file) {
            return;
        }
        if function.is_coroutine() || function.is_async_context_manager() {
            let runs = Runs {
                def,
                receiver: None,
            };
            found(
                call.range(),
                Run::Function {
                    runs,
                    name: callee.name.clone(),
                },
            );
        }
    }

    /// `self.method()` on an object whose class is known: the method that this class has, an override maybe.
    fn method_of_self(
        &self,
        call: &ast::ExprCall,
        scope: ScopeId,
        class: Def,
    ) -> Option<(Runs, String)> {
        let Expr::Attribute(attribute) = &*call.func else {
            return None;
        };
        let object = attribute.value.as_name_expr()?;
        let (_, function) = self.names().enclosing_function(scope)?;
        if first_parameter(function) != Some(object.id.as_str()) {
            return None;
        }
        let def = self.method(class, attribute.attr.as_str())?;
        let name = self.worker.function(def)?.name.clone();
        Some((
            Runs {
                def,
                receiver: Some(class),
            },
            name,
        ))
    }

    fn method_call_runs(
        &self,
        runs: Runs,
        name: String,
        call: &ast::ExprCall,
        used: Use,
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        let Some(function) = self.worker.function(runs.def) else {
            return;
        };
        self.wrappers_run(runs.def, call.range(), found);
        if !function.is_async && runs_at_once(&function, used) {
            found(call.range(), Run::Function { runs, name });
        }
    }

    fn call_runs(
        &self,
        callee: &Callee,
        (call, scope, receiver): (&ast::ExprCall, ScopeId, Option<Def>),
        used: Use,
        place: Place,
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        let range = call.range();
        if let Some(facts) = self.knowledge().facts(&callee.name) {
            let name = callee.name.clone();
            if let Some(calls) = facts.calls.as_ref().filter(|calls| !calls.later) {
                for argument in callbacks::given(&calls.arguments, call) {
                    self.function_runs(argument, range, (scope, receiver), found);
                }
            }
            let applies =
                |blocks: &Blocks| blocks.applies(&call.arguments, |value| self.source(value));
            if let Some(blocks) = &facts.blocks {
                let waits = !name.starts_with("socket.socket.")
                    || !(place.expects_would_block || self.sets_sockets_non_blocking());
                let runs = !blocks.lazy || matches!(used, Use::Iterated);
                if waits
                    && runs
                    && applies(blocks)
                    && !self.is_done(&callee.name, call, scope)
                    && !self.is_harmless(&callee.name, blocks.kind, call, scope)
                {
                    let once = place.after_miss;
                    found(
                        range,
                        Run::Blocking {
                            name,
                            blocks: Arc::clone(blocks),
                            once,
                        },
                    );
                }
            } else if let Some(blocks) = &facts.computes
                && applies(blocks)
            {
                found(
                    range,
                    Run::Computing {
                        name,
                        blocks: Arc::clone(blocks),
                    },
                );
            }
            return;
        }
        let Some(def) = callee.def else { return };
        if callee.is_class {
            for method in ["__new__", "__init__", "__post_init__"] {
                self.method_runs(def, method, range, found);
            }
            return;
        }
        let Some(function) = self.worker.function(def) else {
            return;
        };
        self.wrappers_run(def, range, found);
        if function.is_async {
            return;
        }
        if !runs_at_once(&function, used) {
            return;
        }
        self.arguments_run(def, (call, scope, receiver), found);
        let name = callee.name.clone();
        if !function.is_method {
            found(
                range,
                Run::Function {
                    runs: Runs {
                        def,
                        receiver: None,
                    },
                    name,
                },
            );
            return;
        }
        if function.is_stub {
            // Whoever implements it is what runs.
            let object = match &*call.func {
                Expr::Attribute(attribute) => self.class_of(&attribute.value, scope),
                _ => None,
            };
            let caller = self.method_that_calls_itself(call, scope);
            for (runs, name) in self.implementations(def, object) {
                // A class with a method of its own for the caller does not come here.
                let is_left = caller.as_ref().is_some_and(|(caller, at)| {
                    runs.receiver
                        .and_then(|class| self.method(class, caller))
                        .is_some_and(|own| own != *at)
                });
                if !is_left {
                    found(range, Run::Function { runs, name });
                }
            }
            return;
        }
        let receiver = match &*call.func {
            Expr::Attribute(attribute) if is_super(&attribute.value) => receiver,
            Expr::Attribute(attribute) => self.class_of(&attribute.value, scope),
            _ => None,
        };
        found(
            range,
            Run::Function {
                runs: Runs { def, receiver },
                name,
            },
        );
    }

    /// The method that a call of `self.…` stands in.
    fn method_that_calls_itself(
        &self,
        call: &ast::ExprCall,
        scope: ScopeId,
    ) -> Option<(String, Def)> {
        let Expr::Attribute(attribute) = &*call.func else {
            return None;
        };
        let object = attribute.value.as_name_expr()?;
        let (own, function) = self.names().enclosing_function(scope)?;
        let outer = self.names().scope(own).parent?;
        (first_parameter(function) == Some(object.id.as_str())
            && matches!(self.names().scope(outer).node, ScopeNode::Class(_)))
        .then(|| {
            (
                function.name.to_string(),
                self.def_at(function.name.start()),
            )
        })
    }

    /// `cached("token", lambda: request_token())`: what a function is given runs where that calls it.
    fn arguments_run(
        &self,
        def: Def,
        (call, scope, receiver): (&ast::ExprCall, ScopeId, Option<Def>),
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        for argument in self.called_arguments(def, call) {
            self.function_runs(argument, call.range(), (scope, receiver), found);
        }
    }

    /// What runs when a function is called that a call is given.
    pub(crate) fn function_runs(
        &self,
        given: &Expr,
        range: TextRange,
        (scope, receiver): (ScopeId, Option<Def>),
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        if let Expr::Lambda(lambda) = given {
            if let Some(inner) = self.names().of_lambda(lambda) {
                body::events_of(self.names(), &lambda.body, inner, &mut |event| {
                    self.runs_on(receiver, event, found);
                });
            }
            return;
        }
        for callee in &*self.meant(given, scope) {
            // Who gives methods of sockets to others has mostly made the sockets non-blocking.
            let facts = self
                .knowledge()
                .facts(&callee.name)
                .filter(|_| !callee.name.starts_with("socket.socket."));
            if let Some(blocks) = facts.and_then(|facts| facts.blocks.as_ref()) {
                // Which module it is cannot be told, and most are loaded already.
                if blocks.kind == BlockKind::Import {
                    continue;
                }
                let run = Run::Blocking {
                    name: callee.name.clone(),
                    blocks: Arc::clone(blocks),
                    once: false,
                };
                found(range, run);
                continue;
            }
            let Some(def) = callee.def.filter(|_| !callee.is_class) else {
                continue;
            };
            let is_plain = self.worker.function(def).is_some_and(|function| {
                !function.is_async && !function.is_generator && !function.is_property()
            });
            if is_plain {
                let runs = Runs {
                    def,
                    receiver: None,
                };
                let name = callee.name.clone();
                found(range, Run::Function { runs, name });
            }
        }
    }

    fn method_runs(
        &self,
        class: Def,
        method: &str,
        range: TextRange,
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        let Some(def) = self.method(class, method) else {
            return;
        };
        let Some(function) = self.worker.function(def) else {
            return;
        };
        if !function.is_async {
            let runs = Runs {
                def,
                receiver: Some(class),
            };
            found(
                range,
                Run::Function {
                    runs,
                    name: function.name.clone(),
                },
            );
        }
    }

    pub(crate) fn class_of(&self, value: &Expr, scope: ScopeId) -> Option<Def> {
        if let Some(types) = self.types_at(value)
            && let Some(definition) = types.class(value)
        {
            return Some(self.program().def(&definition));
        }
        match self.value(value, scope) {
            Value::Instance(class) => class.def,
            _ => None,
        }
    }
}

/// Whether calling a function runs its body: a generator's runs when it is iterated.
fn runs_at_once(function: &Function, used: Use) -> bool {
    !function.is_generator
        || matches!(used, Use::Iterated)
        || (matches!(used, Use::Entered) && function.is_context_manager())
}

/// Whether a name is that of the async one of two twins: `redis.asyncio.Redis.get`, `AsyncClient.close`.
fn is_twin(name: &str) -> bool {
    let mut parts: Vec<&str> = name.split('.').collect();
    parts.pop();
    parts.iter().any(|part| {
        part.starts_with("Async")
            || part.starts_with("Aio")
            || matches!(*part, "asyncio" | "aio" | "_async" | "async_" | "aioredis")
    })
}

fn is_super(expr: &Expr) -> bool {
    expr.as_call_expr()
        .and_then(|call| call.func.as_name_expr())
        .is_some_and(|name| name.id == "super")
}
