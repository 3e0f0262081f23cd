//! Whether calling a synchronous function blocks, and through which calls.

use std::sync::Arc;

use dashmap::DashMap;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxBuildHasher;

use crate::body::{self, Event, Place, Use};
use crate::context::{Callee, Context, Value};
use crate::functions::{Function, Marker};
use crate::knowledge::{BlockKind, Blocks};
use crate::names::ScopeId;
use crate::program::{Def, Worker};
use crate::source::Location;

/// What was found out about functions, for all threads.
#[derive(Default)]
pub(crate) struct Memo {
    pub(crate) functions: DashMap<Def, Option<Arc<Function>>, FxBuildHasher>,
    chains: DashMap<Def, Option<Arc<Chain>>, FxBuildHasher>,
    pub(crate) reach: crate::reach::Memo,
    pub(crate) wrappers: crate::tasks::Wrappers,
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

/// How deep calls are followed.
const MAX_LINKS: usize = 16;
/// How deep they are followed inside of installed packages.
const MAX_FOREIGN: usize = 5;

impl Worker<'_> {
    /// The calls through which a synchronous function blocks, if it does.
    pub(crate) fn chain(&self, def: Def) -> Option<Arc<Chain>> {
        Search { worker: self, path: Vec::new() }.visit(def, 0).0
    }
}

/// A depth-first search through calls.
struct Search<'w> {
    worker: &'w Worker<'w>,
    path: Vec<Def>,
}

/// The place on the path that a search was cut short at, if it was: what was not found from there on may be found another way.
type Cut = usize;
const NOT_CUT: Cut = usize::MAX;

impl Search<'_> {
    fn visit(&mut self, def: Def, foreign: usize) -> (Option<Arc<Chain>>, Cut) {
        let memo = &self.worker.program.memo.chains;
        if let Some(found) = memo.get(&def) {
            return (found.clone(), NOT_CUT);
        }
        if let Some(place) = self.path.iter().position(|on_path| *on_path == def) {
            return (None, place);
        }
        let first_party = self.worker.program.is_first_party(def.file);
        let foreign = if first_party { 0 } else { foreign + 1 };
        if self.path.len() >= MAX_LINKS || foreign > MAX_FOREIGN {
            return (None, 0);
        }
        let here = self.path.len();
        self.path.push(def);
        let (found, cut) = self.search(def, first_party, foreign);
        self.path.pop();
        if found.is_some() || cut >= here {
            memo.insert(def, found.clone());
        }
        (found, if cut >= here { NOT_CUT } else { cut })
    }

    fn search(
        &mut self,
        def: Def,
        first_party: bool,
        foreign: usize,
    ) -> (Option<Arc<Chain>>, Cut) {
        let none = (None, NOT_CUT);
        let Some(about) = self.worker.function(def) else { return none };
        // A coroutine of the project has reports of its own; one of an installed package is seen where it is awaited.
        if about.is_async && first_party {
            return none;
        }
        let Some(module) = self.worker.module(def.file) else { return none };
        let Some((function, scope, _)) = module.names().function_at(def.start) else {
            return none;
        };
        if about.marker == Some(Marker::Blocks) {
            let blocks = Arc::new(Blocks::new(BlockKind::Told));
            return (Some(Arc::new(Chain { links: Vec::new(), blocks })), NOT_CUT);
        }
        if about.marker == Some(Marker::DoesNotBlock) || asks_where_it_runs(&function.body) {
            return none;
        }
        let context = Context::new(self.worker, &module);
        let mut calls: Vec<(TextRange, Run)> = Vec::new();
        body::events(module.names(), &function.body, scope, &mut |event| {
            context.runs(event, &mut |range, run| calls.push((range, run)));
        });
        let link = |range: TextRange, callee: String| Link {
            location: module.text().location(range),
            callee,
            first_party,
        };
        let cached = about.is_cached();
        for (range, run) in &calls {
            if let Run::Blocking { name, blocks, once } = run
                && counts(blocks.kind, *once || cached, first_party)
            {
                let links = vec![link(*range, name.clone())];
                return (Some(Arc::new(Chain { links, blocks: Arc::clone(blocks) })), NOT_CUT);
            }
        }
        let mut cut = NOT_CUT;
        for (range, run) in calls {
            let Run::Function { def, name } = run else { continue };
            let (found, inner_cut) = self.visit(def, foreign);
            if let Some(inner) = found {
                let mut links = vec![link(range, name)];
                links.extend(inner.links.iter().cloned());
                let blocks = Arc::clone(&inner.blocks);
                return (Some(Arc::new(Chain { links, blocks })), NOT_CUT);
            }
            cut = cut.min(inner_cut);
        }
        (None, cut)
    }
}

/// Whether a call that blocks makes a function that blocks. `once` is for what is done when a cache has nothing yet.
fn counts(kind: BlockKind, once: bool, first_party: bool) -> bool {
    match kind {
        // Too short to look for behind a helper.
        BlockKind::BriefDisk => false,
        // What packages load lazily, they load once.
        BlockKind::Import => first_party && !once,
        BlockKind::Disk => !once,
        _ => true,
    }
}

/// What happens at a place in a body.
#[derive(Clone, Debug)]
pub(crate) enum Run {
    /// A call that is known to block; `once` if it fills a cache.
    Blocking { name: String, blocks: Arc<Blocks>, once: bool },
    /// A call that is known to compute for long.
    Computing { name: String, blocks: Arc<Blocks> },
    /// A synchronous function's body runs.
    Function { def: Def, name: String },
}

impl<'a> Context<'a> {
    /// What an event of a body runs there and then.
    pub(crate) fn runs(&self, event: Event<'_>, found: &mut dyn FnMut(TextRange, Run)) {
        match event {
            Event::Call { call, scope, used, place } => {
                for callee in &*self.callees(call, scope) {
                    if matches!(used, Use::Awaited) {
                        self.await_runs(callee, call, found);
                    } else {
                        self.call_runs(callee, call, used, place, found);
                    }
                }
            }
            Event::Attribute { attribute, .. } => {
                let Some(types) = self.types_at(attribute) else { return };
                if !self.program().settings.follow_properties {
                    return;
                }
                for definition in types.attribute(attribute) {
                    let def = self.program().def(&definition);
                    if self.worker.function(def).is_some_and(|function| function.is_property()) {
                        let name = definition.qualname.clone();
                        found(attribute.range(), Run::Function { def, name });
                    }
                }
            }
            Event::Entered { value, scope } => {
                if let Some(class) = self.class_of(value, scope) {
                    self.method_runs(class, "__enter__", value.range(), found);
                }
            }
            Event::Iterated { value, scope } => {
                if let Some(class) = self.class_of(value, scope) {
                    self.method_runs(class, "__iter__", value.range(), found);
                    self.method_runs(class, "__next__", value.range(), found);
                }
            }
        }
    }

    /// An awaited coroutine of an installed package runs here as much as a function does. The project's own are looked at
    /// where they stand.
    fn await_runs(
        &self,
        callee: &Callee,
        call: &ast::ExprCall,
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        let Some(def) = callee.def else { return };
        if callee.is_class
            || self.knowledge().facts(&callee.name).is_some()
            || self.program().is_first_party(def.file)
        {
            return;
        }
        if self.worker.function(def).is_some_and(|function| function.is_coroutine()) {
            found(call.range(), Run::Function { def, name: callee.name.clone() });
        }
    }

    fn call_runs(
        &self,
        callee: &Callee,
        call: &ast::ExprCall,
        used: Use,
        place: Place,
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        let range = call.range();
        if let Some(facts) = self.knowledge().facts(&callee.name) {
            let name = callee.name.clone();
            let applies =
                |blocks: &Blocks| blocks.applies(&call.arguments, |value| self.source(value));
            if let Some(blocks) = &facts.blocks {
                let waits = !name.starts_with("socket.socket.")
                    || !(place.expects_would_block || self.sets_sockets_non_blocking());
                if waits && applies(blocks) {
                    let once = place.after_miss;
                    found(range, Run::Blocking { name, blocks: Arc::clone(blocks), once });
                }
            } else if let Some(blocks) = &facts.computes
                && applies(blocks)
            {
                found(range, Run::Computing { name, blocks: Arc::clone(blocks) });
            }
            return;
        }
        let Some(def) = callee.def else { return };
        if callee.is_class {
            for method in ["__new__", "__init__", "__post_init__"] {
                self.method_runs(def, method, range, found);
            }
            match used {
                Use::Entered => self.method_runs(def, "__enter__", range, found),
                Use::Iterated => {
                    self.method_runs(def, "__iter__", range, found);
                    self.method_runs(def, "__next__", range, found);
                }
                _ => {}
            }
            return;
        }
        let Some(function) = self.worker.function(def) else { return };
        if function.is_async {
            return;
        }
        // A generator's body runs when it is iterated.
        let runs = !function.is_generator
            || matches!(used, Use::Iterated)
            || (matches!(used, Use::Entered) && function.is_context_manager());
        if runs {
            found(range, Run::Function { def, name: callee.name.clone() });
        }
    }

    fn sets_sockets_non_blocking(&self) -> bool {
        let text = &self.text().text;
        ["setblocking(False)", "setblocking(0)", "settimeout(0"].iter().any(|call| text.contains(call))
    }

    fn method_runs(
        &self,
        class: Def,
        method: &str,
        range: TextRange,
        found: &mut dyn FnMut(TextRange, Run),
    ) {
        let Some(def) = self.method(class, method) else { return };
        let Some(function) = self.worker.function(def) else { return };
        if !function.is_async {
            found(range, Run::Function { def, name: function.name.clone() });
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
            if let Expr::Call(call) = expr {
                let name = match &*call.func {
                    Expr::Name(name) => name.id.as_str(),
                    Expr::Attribute(attribute) => attribute.attr.as_str(),
                    _ => "",
                };
                let asks = match name {
                    "get_ident" | "get_native_id" | "current_thread" | "main_thread" => true,
                    "get_running_loop" | "_get_running_loop" | "current_task"
                    | "current_async_library" => self.testing,
                    _ => false,
                };
                self.found |= asks;
            }
            visitor::walk_expr(self, expr);
        }
    }
    let mut asks = Asks { found: false, testing: false };
    asks.visit_body(body);
    asks.found
}
