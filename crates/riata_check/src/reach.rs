//! Whether calling a synchronous function comes to something that the caller must know of, and through which calls.

use std::sync::Arc;

use dashmap::DashMap;
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::blocking::{Link, Run, Runs, Written, asks_where_it_runs};
use crate::body::{self, Event, Use};
use crate::context::{Context, Value, last};
use crate::names::ScopeId;
use crate::program::{Def, Worker};
use crate::trace::Node;
use crate::uses;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Goal {
    /// A call that runs an event loop to the end of something.
    EntersLoop,
    /// A call of `asyncio.get_event_loop`.
    AsksForLoop,
}

pub(crate) type Memo = DashMap<(Goal, Def), Option<Arc<[Link]>>, FxBuildHasher>;

const MAX_LINKS: usize = 100;
/// How deep calls are followed inside of installed packages.
const MAX_FOREIGN: usize = 3;

impl Worker<'_> {
    /// The calls from a synchronous function's body to the goal, outermost first.
    pub(crate) fn reach(&self, goal: Goal, def: Def) -> Option<Arc<[Link]>> {
        self.asks(|| Node::Reach(goal, def));
        if let Some(found) = self.program.memo.reach.get(&(goal, def)) {
            return found.clone();
        }
        let mut search = Search {
            worker: self,
            goal,
            depth: 0,
            visited: FxHashSet::default(),
        };
        let found = search.visit(def, 0).0;
        if found.is_none() {
            // Nothing that was seen on the way comes to it either, in whatever order it was seen.
            for seen in search.visited {
                self.program.memo.reach.entry((goal, seen)).or_insert(None);
            }
        }
        found
    }
}

impl<'a> Context<'a> {
    /// What an event of a body calls, when it is the goal itself.
    pub(crate) fn reaches(&self, goal: Goal, event: Event<'_>) -> Option<(TextRange, String)> {
        let Event::Call {
            call, scope, used, ..
        } = event
        else {
            return None;
        };
        if matches!(used, Use::Awaited) {
            return None;
        }
        match goal {
            Goal::EntersLoop => self.enters_loop(call, scope),
            Goal::AsksForLoop => {
                let name = self.callee_name(call, scope)?;
                (name == "asyncio.get_event_loop").then(|| (call.range(), name))
            }
        }
    }

    fn enters_loop(&self, call: &ast::ExprCall, scope: ScopeId) -> Option<(TextRange, String)> {
        let callees = self.callees(call, scope);
        // Whatever it may be, it does.
        if !callees.is_empty() {
            let mut name = None;
            for callee in &*callees {
                if !is_entry(self, &callee.name) {
                    return None;
                }
                name.get_or_insert_with(|| callee.name.clone());
            }
            return name.map(|name| (call.range(), name));
        }
        // No type is known of `loop`: the method has no second meaning.
        let attribute = call.func.as_attribute_expr()?;
        let method = attribute.attr.as_str();
        let named_loop = match &*attribute.value {
            Expr::Name(name) => name.id.ends_with("loop"),
            Expr::Attribute(found) => found.attr.ends_with("loop"),
            Expr::Call(found) => uses::called_name(found).ends_with("event_loop"),
            _ => false,
        };
        if method != "run_until_complete" || !named_loop {
            return None;
        }
        let known = matches!(self.value(&attribute.value, scope), Value::Instance(class)
            if !class.name.starts_with("asyncio.") && class.def.is_some());
        if known {
            return None;
        }
        Some((
            call.range(),
            format!("{}.{method}", self.source(&*attribute.value)),
        ))
    }
}

fn is_entry(context: &Context<'_>, name: &str) -> bool {
    // A stub of the standard library may name the method by the class that is asked: `asyncio.events.AbstractEventLoop`.
    context
        .knowledge()
        .facts(name)
        .is_some_and(|facts| facts.enters_loop)
        || matches!(
            name,
            "anyio.run" | "trio.run" | "uvloop.run" | "riata.run" | "nest_asyncio.run"
        )
        || (last(name) == "run_until_complete" && name.starts_with("asyncio."))
}

/// Whether a module makes nested loops legal.
pub(crate) fn allows_nesting(context: &Context<'_>) -> bool {
    context.names().imports.contains("nest_asyncio")
        || context.names().imports.contains("nest_asyncio2")
}

/// A depth-first search through calls.
struct Search<'w> {
    worker: &'w Worker<'w>,
    goal: Goal,
    depth: usize,
    visited: FxHashSet<Def>,
}

/// The calls, and whether all was looked at: what was not found may be found from a function that is being looked at.
type Found = (Option<Arc<[Link]>>, bool);

impl Search<'_> {
    fn visit(&mut self, def: Def, foreign: usize) -> Found {
        let node = || Node::Reach(self.goal, def);
        self.worker.asks(node);
        let memo = &self.worker.program.memo.reach;
        if let Some(found) = memo.get(&(self.goal, def)) {
            return (found.clone(), true);
        }
        let first_party = self.worker.program.is_first_party(def.file);
        let foreign = if first_party { 0 } else { foreign + 1 };
        if self.depth >= MAX_LINKS || foreign > MAX_FOREIGN || !self.visited.insert(def) {
            return (None, false);
        }
        self.depth += 1;
        let _inside = self.worker.works_out(node);
        let (found, complete) = self.search(def, first_party, foreign);
        self.depth -= 1;
        if found.is_some() || complete {
            memo.insert((self.goal, def), found.clone());
        }
        (found, complete)
    }

    fn search(&mut self, def: Def, first_party: bool, foreign: usize) -> Found {
        let none = (None, true);
        let Some(about) = self.worker.function(def) else {
            return none;
        };
        if about.is_async || !about.decorators_are_plain() {
            return none;
        }
        let Some(module) = self.worker.module_of(def) else {
            return none;
        };
        let Some((function, scope, _)) = module.names().function_at(def.start) else {
            return none;
        };
        let context = Context::new(self.worker, &module);
        if asks_where_it_runs(&function.body)
            || allows_nesting(&context)
            || knows_about_loops(&function.body, self.goal)
        {
            return none;
        }
        let mut direct: Option<(TextRange, String)> = None;
        let mut calls: Vec<(TextRange, Def, String, Written<'_>)> = Vec::new();
        body::events(module.names(), &function.body, scope, &mut |event| {
            if direct.is_none() {
                direct = context.reaches(self.goal, event).filter(|(range, _)| {
                    self.goal != Goal::AsksForLoop || !is_guarded(&function.body, *range)
                });
            }
            context.runs(event, &mut |range, run| {
                if let Run::Function {
                    runs: Runs { def, .. },
                    name,
                } = run
                {
                    let call = match event {
                        Event::Call { call, scope, .. } => Some((call, scope)),
                        _ => None,
                    };
                    calls.push((range, def, name, call));
                }
            });
        });
        let link = |range: TextRange, callee: String| Link {
            location: module.text().location(range),
            callee,
            first_party,
        };
        if let Some((range, name)) = direct {
            return (Some(Arc::from([link(range, name)])), true);
        }
        let mut complete = true;
        for (range, def, name, call) in calls {
            let (found, inner_complete) = self.visit(def, foreign);
            if let Some(inner) = found
                && !call.is_some_and(|(call, scope)| context.is_shut(call, scope, def, &inner))
            {
                let mut links = vec![link(range, name)];
                links.extend(inner.iter().cloned());
                return (Some(links.into()), true);
            }
            complete &= inner_complete;
        }
        (None, complete)
    }
}

/// Whether a function asks whether a loop runs, or says which one is the current one.
pub(crate) fn knows_about_loops(body: &[Stmt], goal: Goal) -> bool {
    let mut found = false;
    uses::exprs(body, false, &mut |expr| {
        let Expr::Call(call) = expr else { return };
        found |= match uses::called_name(call) {
            "is_running"
            | "_get_running_loop"
            | "get_running_loop"
            | "get_running_loop_or_none" => true,
            "set_event_loop" | "new_event_loop" => goal == Goal::AsksForLoop,
            _ => false,
        };
    });
    found
}

/// In a `try` with a handler for it: that no loop runs is expected.
pub(crate) fn is_guarded(body: &[Stmt], place: TextRange) -> bool {
    let mut found = false;
    uses::stmts(body, &mut |stmt| {
        let Stmt::Try(attempt) = stmt else { return };
        found |= !attempt.handlers.is_empty()
            && attempt.handlers.iter().any(|handler| {
                let ast::ExceptHandler::ExceptHandler(handler) = handler;
                handler.type_.as_ref().is_none_or(|class| {
                    uses::names_in(class).iter().any(|name| {
                        matches!(
                            *name,
                            "RuntimeError" | "Exception" | "BaseException" | "DeprecationWarning"
                        )
                    })
                })
            })
            && attempt
                .body
                .iter()
                .any(|stmt| stmt.range().contains_range(place));
    });
    found
}
