use ruff_python_ast::{self as ast, AnyNodeRef, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashSet;

use crate::checker::{Checker, Report};
use crate::context::{Awaitable, Callee, Context, Value, last};
use crate::diagnostic::{Edit, Fix};
use crate::names::ScopeId;
use crate::program::Def;
use crate::rules::rule;
use crate::{imports, uses};

rule! {
    /// ## What it does
    /// Finds comprehensions, and loops that do nothing but collect, which await one call after the other although no call
    /// needs what another one gave.
    ///
    /// ## Why is this bad?
    /// Each call waits until the one before it has ended: ten requests of 200 ms take two seconds. Started together they take
    /// as long as the slowest.
    ///
    /// ## Example
    /// ```python
    /// async def prices(symbols):
    ///     return [await price(symbol) for symbol in symbols]
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def prices(symbols):
    ///     return await asyncio.gather(*[price(symbol) for symbol in symbols])
    /// ```
    ///
    /// For more than a handful of items, bound how many run at a time, for example with `riata.map(price, symbols, limit=10)`.
    ///
    /// ## Fix safety
    /// Unsafe: calls that ran one after the other run at the same time. The other side may not like so many at once,
    /// and after an error the rest is not cancelled.
    ///
    /// ## False alarms known
    /// Calls that share what only one may use at a time, where neither names nor types show it, or whose order matters. What
    /// is known to be such (streams, cursors, database sessions, queues, locks) is not reported, and neither is a coroutine
    /// that waits only under a condition, or for nothing outside of the program: there is no time to be won.
    "RIA404", "sequential-awaits", default: true, fix: Unsafe,
    hooks: [Expr(check_comprehension), Stmt(check_loop)],
}

fn check_comprehension(checker: &Checker<'_>, expr: &Expr) {
    let (element, generators, list) = match expr {
        Expr::ListComp(found) => (&*found.elt, &found.generators, true),
        Expr::SetComp(found) => (&*found.elt, &found.generators, false),
        Expr::DictComp(found) if found.key.as_ref().is_none_or(|key| !uses::awaits(key)) => {
            (&*found.value, &found.generators, false)
        }
        _ => return,
    };
    let [generator] = generators.as_slice() else {
        return;
    };
    if generator.is_async || generator.ifs.iter().any(uses::awaits) || !checker.in_async() {
        return;
    }
    // `{key: await f(x)}` and `[(x, await f(x)) …]` alike: one awaited call for each item.
    let mut awaited = Vec::new();
    uses::exprs_in(element, false, &mut |expr| {
        if let Expr::Await(found) = expr {
            awaited.push(found);
        }
    });
    let [awaited] = awaited.as_slice() else {
        return;
    };
    let direct = element.range() == awaited.range();
    if !direct && !matches!(element, Expr::Tuple(_)) {
        return;
    }
    let Expr::Call(call) = &*awaited.value else {
        return;
    };
    let Some(scope) = checker.context.names().of_comprehension(expr) else {
        return;
    };
    if is_gathered(checker)
        || !is_independent(checker, call, scope, &generator.target, &generator.iter)
    {
        return;
    }
    let name = checker.context.source(&*call.func);
    let mut report = Report::new(
        &RULE,
        expr,
        format!("`{name}` is awaited for one item after the other"),
    )
    .help("start the calls together, or a bounded number of them at a time");
    if list
        && direct
        && let Some(fix) = gathered(checker, expr, awaited)
    {
        report = report.fix(fix);
    }
    checker.report(report);
}

/// `results.append(await f(item))` as the whole body of a loop.
fn check_loop(checker: &Checker<'_>, stmt: &Stmt) {
    let Stmt::For(each) = stmt else { return };
    if each.is_async || !each.orelse.is_empty() || !checker.in_async() {
        return;
    }
    let Some(call) = collected(&each.body) else {
        return;
    };
    if is_independent(checker, call, checker.scope(), &each.target, &each.iter) {
        let name = checker.context.source(&*call.func);
        let message = format!("`{name}` is awaited for one item after the other");
        checker.report(
            Report::new(&RULE, call, message)
                .help("start the calls together, or a bounded number of them at a time"),
        );
    }
}

/// Whether this rule has something to say of a loop.
pub(super) fn is_reported(checker: &Checker<'_>, each: &ast::StmtFor) -> bool {
    each.orelse.is_empty()
        && collected(&each.body).is_some_and(|call| {
            is_independent(checker, call, checker.scope(), &each.target, &each.iter)
        })
}

/// The awaited call of a body that only collects: `results.append(await f(x))`, or with the result in a name first.
fn collected(body: &[Stmt]) -> Option<&ast::ExprCall> {
    match body {
        [one] => awaited_call(appended_value(one)?),
        [first, second] => {
            let assign = first.as_assign_stmt()?;
            let [Expr::Name(name)] = assign.targets.as_slice() else {
                return None;
            };
            let value = appended_value(second)?;
            let same = value.as_name_expr().is_some_and(|read| read.id == name.id);
            if same {
                awaited_call(&assign.value)
            } else {
                None
            }
        }
        _ => None,
    }
}

fn appended_value(stmt: &Stmt) -> Option<&Expr> {
    let Expr::Call(call) = &*stmt.as_expr_stmt()?.value else {
        return None;
    };
    let attribute = call.func.as_attribute_expr()?;
    if attribute.attr.as_str() != "append" || !attribute.value.is_name_expr() {
        return None;
    }
    match &*call.arguments.args {
        [value] => Some(value),
        _ => None,
    }
}

fn awaited_call(value: &Expr) -> Option<&ast::ExprCall> {
    value.as_await_expr()?.value.as_call_expr()
}

/// `gather(*[await f(x) for x in xs])` is another rule's.
fn is_gathered(checker: &Checker<'_>) -> bool {
    let mut around = checker.ancestors();
    match (around.next(), around.next()) {
        (Some(AnyNodeRef::ExprStarred(_)), Some(AnyNodeRef::ExprCall(call)))
        | (Some(AnyNodeRef::ExprCall(call)), _) => {
            matches!(uses::called_name(call), "gather" | "wait" | "as_completed")
        }
        _ => false,
    }
}

/// Whether the calls for all items could as well run at the same time.
fn is_independent(
    checker: &Checker<'_>,
    call: &ast::ExprCall,
    scope: ScopeId,
    target: &Expr,
    items: &Expr,
) -> bool {
    let context = &checker.context;
    let bound = uses::bound_names(target);
    let reads = |expr: &Expr| uses::names_in(expr).iter().any(|name| bound.contains(name));
    let arguments = || {
        call.arguments
            .args
            .iter()
            .chain(call.arguments.keywords.iter().map(|keyword| &keyword.value))
    };
    if !arguments().any(reads) && !reads(&call.func) {
        return false;
    }
    if checker
        .function()
        .is_some_and(|function| is_in_order(function.name.as_str()))
        || is_in_order(uses::called_name(call))
        || waits_already(uses::called_name(call))
        || arguments().any(uses::awaits)
        || is_serial_block(checker)
    {
        return false;
    }
    // Tasks are under way already, and so may be what stands for them.
    let item = checker.context.source(items);
    if ["task", "fut", "coro", "thread", "proc"]
        .iter()
        .any(|word| item.to_ascii_lowercase().contains(word))
    {
        return false;
    }
    // The steps of a protocol: `for _ in range(3)`, `[await read(n) for n in lengths]`.
    if let Expr::Attribute(attribute) = &*call.func
        && is_serial(context, &attribute.value, scope, &bound)
    {
        return false;
    }
    if arguments().any(|argument| is_serial(context, argument, scope, &bound)) {
        return false;
    }
    let callees = context.callees(call, scope);
    !callees
        .iter()
        .any(|callee| is_serial_callee(context, callee))
        && context.certainly_waits(call, scope)
}

/// Names of functions that take what comes next, or whose calls have an order.
pub(super) fn is_in_order(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "read",
        "readline",
        "readexactly",
        "readuntil",
        "recv",
        "receive",
        "recvfrom",
        "next",
        "anext",
        "sleep",
        "write",
        "send",
        "put",
        "drain",
        "acquire",
        "fetchone",
        "fetchmany",
        "fetchrow",
        "fetchval",
        "fetchall",
        "execute",
        "executemany",
        "commit",
        "input",
        "prompt",
        "ask",
        "expect",
        "step",
        "retry",
        "apply",
        "pop",
        "push",
        "append",
        "feed",
        "wait",
        "checkpoint",
        "test",
        "migrate",
        "play",
        "press",
        "insert",
        "flush",
    ];
    let name = name.trim_matches('_');
    name.split('_')
        .any(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()))
        || name.starts_with("read")
        || name.starts_with("recv")
}

/// Names of methods that wait for what goes on anyhow.
pub(super) fn waits_already(name: &str) -> bool {
    matches!(
        name,
        "wait"
            | "wait_for"
            | "join"
            | "result"
            | "get"
            | "shield"
            | "wait_closed"
            | "close"
            | "aclose"
            | "communicate"
            | "get_result"
            | "done"
            | "stop"
            | "shutdown"
            | "exception"
    )
}

/// Whether the place is in a block that lets one in at a time, or that the calls share.
pub(super) fn is_serial_block(checker: &Checker<'_>) -> bool {
    checker.ancestors().any(|node| {
        let AnyNodeRef::StmtWith(with) = node else {
            return false;
        };
        with.items.iter().any(|item| {
            let named = ast::helpers::map_callable(&item.context_expr);
            let source = checker.context.source(named).to_ascii_lowercase();
            [
                "lock",
                "sem",
                "mutex",
                "transaction",
                "begin",
                "limit",
                "throttl",
                "cursor",
                "atomic",
                "savepoint",
            ]
            .iter()
            .any(|word| source.contains(word))
        })
    })
}

/// Whether an expression is an object that only one may use at a time: by its class, else by its name.
fn is_serial(context: &Context<'_>, expr: &Expr, scope: ScopeId, items: &FxHashSet<&str>) -> bool {
    let name = match expr {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => return false,
    };
    if items.contains(name) {
        return false;
    }
    match context.value(expr, scope) {
        Value::Instance(class)
            if matches!(
                class.name.as_str(),
                "aiohttp.ClientSession"
                    | "aiohttp.client.ClientSession"
                    | "httpx.AsyncClient"
                    | "asyncpg.pool.Pool"
                    | "asyncpg.Pool"
            ) =>
        {
            false
        }
        Value::Instance(class) => {
            is_serial_class(last(&class.name))
                || (!class.name.starts_with("builtins.") && is_serial_name(name))
        }
        Value::Module(_) => false,
        _ => is_serial_name(name),
    }
}

fn is_serial_class(name: &str) -> bool {
    [
        "Session",
        "Connection",
        "Cursor",
        "Reader",
        "Writer",
        "Transaction",
        "Stream",
        "Socket",
        "Queue",
        "Lock",
        "Semaphore",
        "Channel",
        "Pipe",
        "Protocol",
        "Transport",
        "Page",
        "Iterator",
        "Generator",
    ]
    .iter()
    .any(|word| name.contains(word))
}

fn is_serial_name(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "conn",
        "connection",
        "con",
        "cur",
        "cursor",
        "session",
        "db",
        "database",
        "tx",
        "txn",
        "trans",
        "transaction",
        "reader",
        "writer",
        "stream",
        "ws",
        "websocket",
        "sock",
        "socket",
        "transport",
        "protocol",
        "proto",
        "page",
        "browser",
        "driver",
        "device",
        "bus",
        "serial",
        "port",
        "channel",
        "pipe",
        "pipeline",
        "lock",
        "sem",
        "semaphore",
        "file",
        "fp",
        "queue",
        "limiter",
        "receive",
        "input",
        "iterator",
        "it",
        "parser",
        "modbus",
    ];
    name.trim_matches('_')
        .split('_')
        .any(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()))
}

/// Whether what is called uses what it must not share, or does not wait at all.
fn is_serial_callee(context: &Context<'_>, callee: &Callee) -> bool {
    if callee.name.starts_with("asyncio.") && callee.name != "asyncio.to_thread" {
        return true;
    }
    if callee.name.starts_with("trio.") || callee.name.starts_with("anyio.") {
        return true;
    }
    match callee.def {
        Some(def) if !callee.is_class => uses_one_at_a_time(context, def, 0),
        _ => false,
    }
}

fn uses_one_at_a_time(context: &Context<'_>, def: Def, depth: usize) -> bool {
    let Some(about) = context.worker.function(def) else {
        return false;
    };
    if !about.is_async || about.is_generator {
        return false;
    }
    let Some(module) = context.worker.module_of(def) else {
        return false;
    };
    if module
        .text()
        .path()
        .extension()
        .is_some_and(|extension| extension == "pyi")
    {
        return false;
    }
    let inner = Context::new(context.worker, &module);
    let Some((function, scope, _)) = module.names().function_at(def.start) else {
        return false;
    };
    let mut serial = false;
    let mut waits = false;
    uses::stmts(&function.body, &mut |stmt| match stmt {
        Stmt::With(with) if with.is_async => {
            waits = true;
            serial |= with.items.iter().any(|item| {
                let named = ast::helpers::map_callable(&item.context_expr);
                let source = inner.source(named).to_ascii_lowercase();
                ["lock", "sem", "mutex", "limit", "throttl", "transaction"]
                    .iter()
                    .any(|word| source.contains(word))
            });
        }
        Stmt::For(each) => waits |= each.is_async,
        // What one call keeps, the next may read.
        Stmt::Global(_) | Stmt::Nonlocal(_) => serial = true,
        _ => {}
    });
    let none = FxHashSet::default();
    let mut calls: Vec<&ast::ExprCall> = Vec::new();
    uses::exprs(&function.body, false, &mut |expr| {
        let Expr::Await(awaited) = expr else { return };
        waits = true;
        if let Expr::Call(call) = &*awaited.value {
            calls.push(call);
        }
    });
    for call in calls {
        serial |= uses::called_name(call) != "sleep" && is_in_order(uses::called_name(call));
        if let Expr::Attribute(attribute) = &*call.func {
            serial |= is_serial(&inner, &attribute.value, scope, &none);
        }
        if !serial && depth < 2 {
            serial = inner
                .callees(call, scope)
                .iter()
                .filter(|callee| !callee.is_class)
                .filter_map(|callee| callee.def)
                .any(|inner_def| {
                    inner_def != def && uses_one_at_a_time(&inner, inner_def, depth + 1)
                });
        }
    }
    // Where nothing waits at the outermost level, nothing is won; further in it just is no reason.
    serial || (depth == 0 && !waits)
}

/// `await asyncio.gather(*[f(x) for x in xs])`.
fn gathered(checker: &Checker<'_>, list: &Expr, awaited: &ast::ExprAwait) -> Option<Fix> {
    let context = &checker.context;
    let imports = &context.names().imports;
    if (imports.contains("trio") || imports.contains("anyio")) && !imports.contains("asyncio") {
        return None;
    }
    if matches!(
        context.awaitable(&awaited.value, checker.scope()),
        Awaitable::No
    ) {
        return None;
    }
    let gather = imports::member(context, checker.scope(), list.start(), "asyncio", "gather")?;
    let bare = checker.parent().is_some_and(|parent| {
        matches!(
            parent,
            AnyNodeRef::StmtAssign(_)
                | AnyNodeRef::StmtAnnAssign(_)
                | AnyNodeRef::StmtReturn(_)
                | AnyNodeRef::StmtExpr(_)
                | AnyNodeRef::StmtFor(_)
                | AnyNodeRef::ExprCall(_)
        )
    });
    let (open, close) = if bare { ("", "") } else { ("(", ")") };
    let mut edits = vec![
        Edit::insert(list.start(), format!("{open}await {}(*", gather.name)),
        Edit::replace(TextRange::new(awaited.start(), awaited.value.start()), ""),
        Edit::insert(list.end(), format!("){close}")),
    ];
    edits.extend(gather.edit);
    Some(Fix::risky(
        "Start the calls together with `asyncio.gather`",
        edits,
    ))
}
