//! Whether calling a synchronous function blocks, and through which calls.

mod implementations;
mod over;
mod place;
mod runs;

use std::sync::Arc;

use dashmap::DashMap;
pub(crate) use place::asks_where_it_runs;
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::body::{self, Code, Event};
use crate::context::Context;
use crate::functions::{Function, Marker};
use crate::knowledge::{BlockKind, Blocks};
use crate::names::ScopeId;
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
