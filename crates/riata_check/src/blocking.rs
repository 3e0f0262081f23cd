//! Whether calling a synchronous function blocks, and through which calls.

use std::rc::Rc;
use std::sync::Arc;

use dashmap::DashMap;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::body::{self, Code, Event, Place, Use};
use crate::callbacks;
use crate::context::{Callee, Context, Value};
use crate::functions::{Function, Marker};
use crate::hierarchy::Scanned;
use crate::knowledge::{BlockKind, Blocks};
use crate::names::{Binding, ScopeId, ScopeNode, first_parameter};
use crate::program::{Def, Worker};
use crate::source::{Location, Module};
use crate::trace::Node;
use crate::uses;

/// What was found out about functions, for all threads.
#[derive(Default)]
pub(crate) struct Memo {
    pub(crate) functions: DashMap<Def, Option<Arc<Function>>, FxBuildHasher>,
    chains: DashMap<Runs, Option<Arc<Chain>>, FxBuildHasher>,
    pub(crate) reach: crate::reach::Memo,
    pub(crate) wrappers: crate::tasks::Wrappers,
}

/// A function that runs, and the class of the object that it runs on, when it is known better than by where the function stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Runs {
    pub(crate) def: Def,
    pub(crate) receiver: Option<Def>,
}

/// How a function comes to block: the calls from its body to the one that waits.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// Outermost first; the last one is the call that blocks.
    pub(crate) links: Vec<Link>,
    pub(crate) blocks: Arc<Blocks>,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// The call.
    pub(crate) location: Location,
    /// What it calls.
    pub(crate) callee: String,
    /// Whether the call stands in the project's own code.
    pub(crate) first_party: bool,
}

/// A call as it is written, and the scope that it stands in, of what is no attribute or iteration.
pub(crate) type Written<'a> = Option<(&'a ast::ExprCall, ScopeId)>;

/// How deep calls are followed.
const MAX_LINKS: usize = 100;
/// How deep they are followed inside of installed packages.
const MAX_FOREIGN: usize = 8;

impl Worker<'_> {
    /// The calls through which a synchronous function blocks, if it does.
    pub(crate) fn chain(&self, runs: Runs) -> Option<Arc<Chain>> {
        self.asks(|| Node::Chain(runs));
        if let Some(found) = self.program.memo.chains.get(&runs) {
            return found.clone();
        }
        let mut search = Search {
            worker: self,
            depth: 0,
            visited: FxHashSet::default(),
            cut: false,
        };
        let found = search.visit(runs, 0);
        if found.is_none() && !search.cut {
            // Nothing that was seen on the way blocks either, in whatever order it was seen, but for what a call does not
            // come to.
            for seen in search.visited {
                self.program.memo.chains.entry(seen).or_insert(None);
            }
        } else if found.is_none() {
            self.program.memo.chains.insert(runs, None);
        }
        found
    }
}

/// A depth-first search through calls, which looks at each function once.
struct Search<'w> {
    worker: &'w Worker<'w>,
    depth: usize,
    visited: FxHashSet<Runs>,
    /// Whether a limit kept it from looking further: another way may lead there in fewer calls.
    cut: bool,
}

impl Search<'_> {
    fn visit(&mut self, runs: Runs, foreign: usize) -> Option<Arc<Chain>> {
        self.worker.asks(|| Node::Chain(runs));
        let memo = &self.worker.program.memo.chains;
        if let Some(found) = memo.get(&runs) {
            return found.clone();
        }
        let first_party = self.worker.program.is_first_party(runs.def.file);
        let foreign = if first_party { 0 } else { foreign + 1 };
        if self.depth >= MAX_LINKS || foreign > MAX_FOREIGN {
            self.cut = true;
            return None;
        }
        if !self.visited.insert(runs) {
            return None;
        }
        self.depth += 1;
        let _inside = self.worker.works_out(|| Node::Chain(runs));
        let found = self.search(runs, first_party, foreign);
        self.depth -= 1;
        if found.is_some() {
            memo.insert(runs, found.clone());
        }
        found
    }

    /// Whether a function stands in one whose results are kept.
    fn is_in_cached(&self, module: &Module, scope: ScopeId) -> bool {
        let names = module.names();
        names
            .scope(scope)
            .parent
            .and_then(|outer| names.enclosing_function(outer))
            .is_some_and(|(_, outer)| {
                outer.decorator_list.iter().any(|decorator| {
                    let named = ast::helpers::map_callable(&decorator.expression);
                    matches!(
                        module.text().slice(named.range()).rsplit('.').next(),
                        Some("cache" | "lru_cache" | "memoize")
                    )
                })
            })
    }

    fn search(
        &mut self,
        Runs { def, receiver }: Runs,
        first_party: bool,
        foreign: usize,
    ) -> Option<Arc<Chain>> {
        let about = self.worker.function(def)?;
        // A coroutine of the project has reports of its own; one of an installed package is seen where it is awaited.
        if about.is_async && first_party {
            return None;
        }
        let module = self.worker.module_of(def)?;
        let names = module.names();
        let (body, scope) = match names.function_at(def.start) {
            Some((function, scope, _)) => (Code::Body(&function.body), scope),
            None => {
                let (lambda, scope) = names.lambda_at(def.start)?;
                (Code::Expr(&lambda.body), scope)
            }
        };
        // What the configuration says of a function holds however it is reached: through `self`, as a property, as an override.
        let told = self.worker.program.knowledge.told(&about.name);
        if about.marker == Some(Marker::Blocks) || told == Some(true) {
            let blocks = Arc::new(Blocks::new(BlockKind::Told));
            return Some(Arc::new(Chain {
                links: Vec::new(),
                blocks,
            }));
        }
        if about.marker == Some(Marker::DoesNotBlock)
            || told == Some(false)
            || asks_where_it_runs(body.stmts())
            || about.runs_elsewhere()
        {
            return None;
        }
        let context = Context::new(self.worker, &module);
        let mut calls: Vec<(TextRange, Run, Written<'_>)> = Vec::new();
        body::events_in(names, body, scope, &mut |event| {
            let call = match event {
                // What clears up after whatever went wrong is not the way that is taken.
                Event::Call { place, .. } if place.at_the_end => return,
                Event::Call { call, scope, .. } => Some((call, scope)),
                _ => None,
            };
            context.runs_on(receiver, event, &mut |range, run| {
                calls.push((range, run, call));
            });
        });
        let link = |range: TextRange, callee: String| Link {
            location: module.text().location(range),
            callee,
            first_party,
        };
        let cached = about.is_cached() || self.is_in_cached(&module, scope);
        for (range, run, _) in &calls {
            if let Run::Blocking { name, blocks, once } = run
                && counts(blocks.kind, *once, cached, first_party)
                // To start a process takes a moment; what waits for it is found as well.
                && name != "subprocess.Popen"
                // A lock that helpers share is held for a moment.
                && !name.ends_with("ock.acquire")
                && !name.ends_with("LockType.acquire")
            {
                let links = vec![link(*range, name.clone())];
                return Some(Arc::new(Chain {
                    links,
                    blocks: Arc::clone(blocks),
                }));
            }
        }
        for (range, run, call) in calls {
            let Run::Function { runs, name } = run else {
                continue;
            };
            if let Some(inner) = self.visit(runs, foreign)
                && !(asks_whether_done(body.stmts()) && gives_result(&inner))
                && !call.is_some_and(|(call, scope)| {
                    context.is_shut(call, scope, runs.def, &inner.links)
                })
            {
                let mut links = vec![link(range, name)];
                links.extend(inner.links.iter().cloned());
                return Some(Arc::new(Chain {
                    links,
                    blocks: Arc::clone(&inner.blocks),
                }));
            }
        }
        None
    }
}

/// `if future.done(): return outcome(future)`
fn asks_whether_done(body: &[Stmt]) -> bool {
    let mut found = false;
    uses::exprs(body, false, &mut |expr| {
        if let Expr::Call(call) = expr {
            found |= uses::called_name(call) == "done";
        }
    });
    found
}

fn gives_result(chain: &Chain) -> bool {
    chain
        .links
        .last()
        .is_some_and(|link| link.callee.ends_with("Future.result"))
}

/// Whether a call that blocks makes a function that blocks. `once` is for what is done when a cache has nothing yet.
fn counts(kind: BlockKind, once: bool, cached: bool, first_party: bool) -> bool {
    match kind {
        // Too short to look for behind a helper.
        BlockKind::BriefDisk => false,
        BlockKind::Import => !once && (first_party || !cached),
        BlockKind::Disk => !once,
        // An address that is kept is asked for once.
        BlockKind::Dns => !cached,
        _ => true,
    }
}

/// What happens at a place in a body.
#[derive(Clone, Debug)]
pub(crate) enum Run {
    /// A call that is known to block; `once` if it fills a cache.
    Blocking {
        name: String,
        blocks: Arc<Blocks>,
        once: bool,
    },
    /// A call that is known to compute for long.
    Computing { name: String, blocks: Arc<Blocks> },
    /// A synchronous function's body runs.
    Function { runs: Runs, name: String },
}

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
    fn runs_on(
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

    /// The methods of the project's classes that stand for one that only says its name: of those that derive from the
    /// class of the object, or else from the method's own.
    fn implementations(&self, def: Def, object: Option<Def>) -> Vec<(Runs, String)> {
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

    /// `future.result()` of a future that comes from elsewhere: where a coroutine asks, it has mostly waited for it before.
    fn is_done(&self, name: &str, call: &ast::ExprCall, scope: ScopeId) -> bool {
        if self.was_asked_for(name, call, scope) {
            return true;
        }
        if !matches!(
            name,
            "concurrent.futures.Future.result" | "concurrent.futures.Future.exception"
        ) {
            return false;
        }
        let Expr::Attribute(attribute) = &*call.func else {
            return true;
        };
        match &*attribute.value {
            Expr::Call(_) => false,
            Expr::Name(future) => {
                let Some((_, bindings)) = self.names().lookup(future.id.as_str(), scope) else {
                    return true;
                };
                !bindings.iter().any(|binding| {
                    matches!(
                        binding,
                        Binding::Value(Expr::Call(_)) | Binding::Parameter(_)
                    )
                })
            }
            _ => true,
        }
    }

    /// `if thread.is_alive(): … else: thread.join()`, `await asyncio.wrap_future(future)`: what is waited for is over, or the
    /// code knows that it may not be.
    fn was_asked_for(&self, name: &str, call: &ast::ExprCall, scope: ScopeId) -> bool {
        let asked = match name {
            "concurrent.futures.Future.result" | "concurrent.futures.Future.exception" => "done",
            "threading.Thread.join" => "is_alive",
            "threading.Event.wait" => "is_set",
            "queue.Queue.get" => "empty",
            "subprocess.Popen.wait" | "subprocess.Popen.communicate" => "poll",
            _ => return false,
        };
        let Expr::Attribute(method) = &*call.func else {
            return false;
        };
        let Some((_, function)) = self.names().enclosing_function(scope) else {
            return false;
        };
        let object = self.source(&*method.value);
        let mut found = false;
        uses::exprs(&function.body, false, &mut |expr| {
            if found || expr.start() >= call.start() {
                return;
            }
            match expr {
                Expr::Attribute(attribute) => {
                    found = attribute.attr.as_str() == asked
                        && self.source(&*attribute.value) == object;
                }
                Expr::Await(awaited) if asked == "done" => {
                    uses::exprs_in(&awaited.value, false, &mut |inner| {
                        found |= self.source(inner) == object;
                    });
                }
                _ => {}
            }
        });
        found
    }

    fn sets_sockets_non_blocking(&self) -> bool {
        let text = &self.text().text;
        self.worker
            .asks(|| Node::Text(self.program().file(&self.text().origin)));
        ["setblocking(False)", "setblocking(0)", "settimeout(0"]
            .iter()
            .any(|call| text.contains(call))
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

/// `if self.asynchronous:`, `if not self.called_from_running_loop:`
fn tells_whether_async(name: &str) -> bool {
    matches!(
        name.trim_start_matches('_'),
        "asynchronous" | "is_asynchronous" | "in_async_call" | "in_async_context" | "in_async"
    ) || name.contains("running_loop")
}

/// Whether a function looks which thread, or whether a loop, it runs in: what it does then is not what it does in the loop.
pub(crate) fn asks_where_it_runs(body: &[Stmt]) -> bool {
    struct Asks {
        found: bool,
        testing: bool,
    }
    impl<'a> Visitor<'a> for Asks {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            match stmt {
                Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
                Stmt::If(branch) => {
                    self.testing = true;
                    self.visit_expr(&branch.test);
                    self.testing = false;
                    self.visit_body(&branch.body);
                    for clause in &branch.elif_else_clauses {
                        if let Some(test) = &clause.test {
                            self.testing = true;
                            self.visit_expr(test);
                            self.testing = false;
                        }
                        self.visit_body(&clause.body);
                    }
                }
                Stmt::Try(attempt) => {
                    self.testing = !attempt.handlers.is_empty();
                    self.visit_body(&attempt.body);
                    self.testing = false;
                    for ast::ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                        self.visit_body(&handler.body);
                    }
                    self.visit_body(&attempt.orelse);
                    self.visit_body(&attempt.finalbody);
                }
                _ => visitor::walk_stmt(self, stmt),
            }
        }

        fn visit_expr(&mut self, expr: &'a Expr) {
            match expr {
                Expr::Name(name) => self.found |= self.testing && tells_whether_async(&name.id),
                Expr::Attribute(attribute) => {
                    self.found |= self.testing && tells_whether_async(&attribute.attr);
                }
                _ => {}
            }
            if let Expr::Call(call) = expr {
                let name = match &*call.func {
                    Expr::Name(name) => name.id.as_str(),
                    Expr::Attribute(attribute) => attribute.attr.as_str(),
                    _ => "",
                };
                let asks = match name {
                    "get_ident" | "get_native_id" | "current_thread" | "main_thread" => true,
                    "get_running_loop"
                    | "_get_running_loop"
                    | "current_task"
                    | "current_async_library" => self.testing,
                    _ => false,
                };
                self.found |= asks;
            }
            visitor::walk_expr(self, expr);
        }
    }
    let mut asks = Asks {
        found: false,
        testing: false,
    };
    asks.visit_body(body);
    asks.found
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
