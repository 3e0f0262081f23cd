use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashSet;

use crate::body::{self, Event, Use};
use crate::checker::{Checker, Report};
use crate::context::{Context, last};
use crate::diagnostic::Related;
use crate::names::ScopeId;
use crate::program::{Def, Worker};
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds coroutines that are started somewhere (`asyncio.run`, `create_task`, a decorated handler) and come to wait for the network or a
    /// process with nothing on the way that bounds how long. Off by default. Reported where it is started, with the calls in between.
    ///
    /// ## Why is this bad?
    /// A peer that is gone without a word is noticed by nobody but a timeout. Without one the task waits for ever, with all that it
    /// holds.
    ///
    /// ## Example
    /// ```python
    /// async def version(host):
    ///     reader, writer = await asyncio.open_connection(host, 80)
    ///     return await reader.readline()
    ///
    ///
    /// asyncio.run(version("example.org"))
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def version(host):
    ///     async with asyncio.timeout(10):
    ///         reader, writer = await asyncio.open_connection(host, 80)
    ///         return await reader.readline()
    /// ```
    ///
    /// ## False alarms known
    /// What waits for ever by design. Reads in a `while` loop are taken for that, and what serves is not followed. Clients
    /// that have timeouts of their own (`aiohttp`, `httpx`) are not reported.
    "RIA501", "await-without-timeout", default: false, fix: None,
    hooks: [Call(check_started), Function(check_handler)],
}

const MAX_DEPTH: usize = 24;

/// `asyncio.run(main())`, `create_task(work())`.
fn check_started(checker: &Checker<'_>, call: &ast::ExprCall) {
    if !checker
        .facts(call)
        .is_some_and(|facts| facts.enters_loop || facts.spawns.is_some())
    {
        return;
    }
    let Some(Expr::Call(started)) = call.arguments.args.first() else {
        return;
    };
    let callees = checker.callees(started);
    let [callee] = &*callees else { return };
    if let Some(def) = callee.def {
        report(checker, def, started.range(), &callee.name);
    }
}

/// A function that a decorator makes known to a framework, which calls it.
fn check_handler(checker: &Checker<'_>, function: &ast::StmtFunctionDef) {
    let def = checker.context.def_at(function.name.start());
    let Some(about) = checker.context.worker.function(def) else {
        return;
    };
    let is_handler = about.is_coroutine()
        && !about.decorators.is_empty()
        && about.decorators.iter().all(|name| {
            matches!(
                last(name),
                "get"
                    | "post"
                    | "put"
                    | "delete"
                    | "patch"
                    | "route"
                    | "command"
                    | "task"
                    | "event"
                    | "api_view"
            )
        });
    if is_handler {
        report(checker, def, function.name.range(), &about.name);
    }
}

fn report(checker: &Checker<'_>, def: Def, at: TextRange, name: &str) {
    let mut search = Search {
        worker: checker.context.worker,
        visited: FxHashSet::default(),
    };
    let Some(chain) = search.visit(def, 0) else {
        return;
    };
    let Some(end) = chain.last() else { return };
    let message = format!(
        "`{name}` comes to await `{}` with no timeout around it",
        end.1
    );
    let mut report = Report::new(&RULE, at, message)
        .help("open a timeout around it, for example `asyncio.timeout`");
    report.related = chain
        .into_iter()
        .map(|(location, callee)| Related {
            location,
            message: format!("awaits `{callee}`"),
        })
        .collect();
    checker.report(report);
}

type Chain = Vec<(crate::source::Location, String)>;

struct Search<'w> {
    worker: &'w Worker<'w>,
    visited: FxHashSet<Def>,
}

impl Search<'_> {
    /// The awaits through which a coroutine comes to one that may last for ever.
    fn visit(&mut self, def: Def, depth: usize) -> Option<Chain> {
        if depth > MAX_DEPTH || !self.visited.insert(def) {
            return None;
        }
        let about = self.worker.function(def)?;
        if !about.is_coroutine() || !self.worker.program.is_first_party(def.file) {
            return None;
        }
        let module = self.worker.module_of(def)?;
        let (function, scope, _) = module.names().function_at(def.start)?;
        if serves(function.name.as_str()) {
            return None;
        }
        let context = Context::new(self.worker, &module);
        let bounded = bounded(&context, &function.body, scope);
        let mut next: Vec<(TextRange, Def, String)> = Vec::new();
        let mut found: Option<(TextRange, String)> = None;
        body::events(module.names(), &function.body, scope, &mut |event| {
            let Event::Call {
                call,
                scope,
                used: Use::Awaited,
                ..
            } = event
            else {
                return;
            };
            if bounded
                .iter()
                .any(|range| range.contains_range(call.range()))
                || has_timeout(&context, call)
            {
                return;
            }
            for callee in &*context.callees(call, scope) {
                if lasts(&callee.name) {
                    let reads = callee.name.contains("StreamReader");
                    if found.is_none() && !(reads && in_while(&function.body, call.range())) {
                        found = Some((call.range(), callee.name.clone()));
                    }
                } else if let Some(def) = callee.def.filter(|_| !callee.is_class) {
                    next.push((call.range(), def, callee.name.clone()));
                }
            }
        });
        let location = |range: TextRange| module.text().location(range);
        if let Some((range, name)) = found {
            return Some(vec![(location(range), name)]);
        }
        next.into_iter().find_map(|(range, def, name)| {
            let mut chain = vec![(location(range), name)];
            chain.extend(self.visit(def, depth + 1)?);
            Some(chain)
        })
    }
}

/// What waits for another side, with no timeout of its own.
fn lasts(name: &str) -> bool {
    matches!(
        name,
        "asyncio.open_connection"
            | "asyncio.open_unix_connection"
            | "asyncio.StreamReader.read"
            | "asyncio.StreamReader.readline"
            | "asyncio.StreamReader.readexactly"
            | "asyncio.StreamReader.readuntil"
            | "asyncio.subprocess.Process.communicate"
            | "asyncio.subprocess.Process.wait"
            | "asyncio.AbstractEventLoop.create_connection"
            | "asyncio.AbstractEventLoop.getaddrinfo"
            | "asyncio.AbstractEventLoop.sock_connect"
            | "asyncio.AbstractEventLoop.sock_recv"
            | "asyncio.AbstractEventLoop.sock_sendall"
            | "anyio.connect_tcp"
            | "anyio.connect_unix"
            | "anyio.run_process"
            | "trio.open_tcp_stream"
            | "trio.open_ssl_over_tcp_stream"
            | "trio.run_process"
    )
}

/// The blocks of a body that a timeout ends.
fn bounded(context: &Context<'_>, body: &[Stmt], scope: ScopeId) -> Vec<TextRange> {
    let mut found = Vec::new();
    uses::stmts(body, &mut |stmt| {
        let Stmt::With(with) = stmt else { return };
        let ends = with.items.iter().any(|item| {
            let named = ast::helpers::map_callable(&item.context_expr);
            let name = context
                .dotted(named, scope)
                .unwrap_or_else(|| context.source(named).to_owned());
            let name = last(&name).to_ascii_lowercase();
            [
                "timeout",
                "fail_after",
                "fail_at",
                "move_on",
                "deadline",
                "time_limit",
            ]
            .iter()
            .any(|word| name.contains(word))
        });
        if ends {
            found.push(with.range());
        }
    });
    found
}

/// `timeout=5`, `f(self.timeout)`: the callee sees to it.
fn has_timeout(context: &Context<'_>, call: &ast::ExprCall) -> bool {
    call.arguments.keywords.iter().any(|keyword| {
        keyword
            .arg
            .as_ref()
            .is_none_or(|name| name.contains("timeout") || name.contains("deadline"))
            && !keyword.value.is_none_literal_expr()
    }) || call
        .arguments
        .args
        .iter()
        .any(|argument| context.source(argument).contains("timeout"))
}

fn in_while(body: &[Stmt], place: TextRange) -> bool {
    let mut found = false;
    uses::stmts(body, &mut |stmt| {
        found |= stmt.is_while_stmt() && stmt.range().contains_range(place);
    });
    found
}

fn serves(name: &str) -> bool {
    name.split('_').any(|word| {
        matches!(
            word,
            "serve" | "server" | "listen" | "forever" | "worker" | "daemon"
        )
    })
}
