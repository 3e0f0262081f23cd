use riata_types::Origin;
use ruff_python_ast::{self as ast, AnyNodeRef, Expr, Stmt};
use ruff_text_size::{Ranged, TextSize};

use crate::annotations::last_name;
use crate::body::is_type_checking;
use crate::checker::{Checker, Report};
use crate::context::Value;
use crate::diagnostic::{Edit, Fix, Related};
use crate::locals::{Read, is_shared, reads};
use crate::lost::{Lost, called, dropped, is_async_generator, is_expected_to_fail, lost, mapped};
use crate::names::{Binding, first_parameter};
use crate::program::Def;
use crate::rules::async_function_as_sync_callback::is_async as is_async_function;
use crate::rules::rule;
use crate::source::Location;

rule! {
    /// ## What it does
    /// Finds coroutines that are made and dropped: a call as a statement, or one whose result gets a name that is never read,
    /// alone or in a list, a dictionary or a `map`; and async generators that are made and never iterated.
    ///
    /// ## Why is this bad?
    /// Calling an `async def` function only makes a coroutine. Nothing of its body runs before it is awaited, so the call does
    /// nothing at all, and Python says so only in a warning when the coroutine is collected.
    ///
    /// ## Example
    /// ```python
    /// async def shut_down(connection):
    ///     connection.close()  # an `async def` method
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// async def shut_down(connection):
    ///     await connection.close()
    /// ```
    ///
    /// ## Fix safety
    /// In an `async def`, the fix puts `await` before the call. It is unsafe: code that never ran runs, and the function waits
    /// for it.
    ///
    /// ## False alarms known
    /// A test that provokes the warning on purpose, other than in `pytest.warns` or `pytest.raises`.
    "RIA201", "coroutine-never-awaited", default: true, fix: Unsafe,
    hooks: [Stmt(check)],
}

const AWAIT_ALL: &str = "await them together with `asyncio.gather(*…)`";

fn check(checker: &Checker<'_>, stmt: &Stmt) {
    match stmt {
        Stmt::Expr(statement) => {
            appended(checker, &statement.value);
            if let Some(function) = dropped_map(checker, &statement.value) {
                checker.report(Report::new(&RULE, &*statement.value, function).help(AWAIT_ALL));
            }
            dropped(&statement.value, &mut |expr, call| {
                if let Some((class, location)) = async_override(checker, call) {
                    if !is_meant(checker) {
                        let name = called(checker, expr);
                        let message = format!(
                            "Coroutine of `{name}` is never awaited where `{class}` makes the method async"
                        );
                        let mut report = Report::new(&RULE, expr, message)
                        .help("await what it gives if it is awaitable, or do not override it with an async method");
                        report.related.push(Related {
                            location,
                            message: "overrides it".to_owned(),
                        });
                        checker.report(report);
                    }
                    return;
                }
                if may_be_lost(checker, expr, call)
                    && !is_meant(checker)
                    && !asks(checker, &statement.value)
                {
                    let name = called(checker, expr);
                    let message = format!("`{name}` may give an awaitable, which nobody awaits");
                    checker.report(Report::new(&RULE, expr, message).help(
                        "await what it gives where `inspect.isawaitable` says that it can be",
                    ));
                    return;
                }
                if is_async_generator(checker, call) && !is_meant(checker) {
                    let name = called(checker, expr);
                    let message =
                        format!("`{name}` gives an async generator that is never iterated");
                    checker.report(
                        Report::new(&RULE, expr, message).help("iterate over it with `async for`"),
                    );
                    return;
                }
                if lost(checker, expr) != Some(Lost::Coroutine)
                    || super::assertion_never_awaited::is_assertion(checker, call)
                    || is_meant(checker)
                    || is_hearsay(checker, call)
                    || decorates(checker, call)
                {
                    return;
                }
                report(
                    checker,
                    expr,
                    format!("Coroutine of `{}` is never awaited", called(checker, expr)),
                );
            })
        }
        Stmt::Assign(assign) => match (assign.targets.as_slice(), &*assign.value) {
            ([Expr::Name(target)], value) => unread(checker, target.id.as_str(), value),
            ([Expr::Tuple(targets)], Expr::Tuple(values)) if targets.len() == values.len() => {
                for (target, value) in targets.elts.iter().zip(&values.elts) {
                    if let Expr::Name(target) = target {
                        unread(checker, target.id.as_str(), value);
                    }
                }
            }
            _ => {}
        },
        Stmt::AnnAssign(assign) => {
            let (Expr::Name(target), Some(value)) = (&*assign.target, &assign.value) else {
                return;
            };
            unread(checker, target.id.as_str(), value);
        }
        _ => {}
    }
}

/// A subclass of the project in which a synchronous method that is called on `self` is async, and in which the calling method is
/// inherited: its name, and where the method is.
fn async_override(checker: &Checker<'_>, call: &ast::ExprCall) -> Option<(String, Location)> {
    let Expr::Attribute(attribute) = &*call.func else {
        return None;
    };
    let Expr::Name(owner) = &*attribute.value else {
        return None;
    };
    let caller = checker.function()?;
    let class = checker.class()?;
    if first_parameter(caller) != Some(owner.id.as_str()) {
        return None;
    }
    let context = &checker.context;
    let program = context.program();
    let method = attribute.attr.as_str();
    if !context.worker.has_async_method(method) {
        return None;
    }
    let base = context.def_at(class.name.start());
    let own = context.worker.function(context.method(base, method)?)?;
    if own.is_async || own.is_generator {
        return None;
    }
    let derived = context.worker.derived(class.name.as_str());
    derived.iter().find_map(|found| {
        if found.methods.get(method) != Some(&true) {
            return None;
        }
        let file = program.file(&Origin::Path(found.path.clone()));
        let def = Def {
            file,
            start: TextSize::new(found.start),
        };
        let overriding = context.method(def, method)?;
        let inherited = context.method(def, caller.name.as_str())?;
        let is_same = inherited == context.def_at(caller.name.start())
            || extends(checker, inherited, caller.name.as_str());
        let function = context.worker.function(overriding)?;
        if !is_same || !function.gives_coroutine() {
            return None;
        }
        let module = context.worker.module_of(overriding)?;
        let (statement, _, _) = module.names().function_at(overriding.start)?;
        Some((
            found.name.clone(),
            module.text().location(statement.name.range()),
        ))
    })
}

/// Whether a method calls the one that it overrides.
fn extends(checker: &Checker<'_>, method: Def, name: &str) -> bool {
    let Some(module) = checker.context.worker.module_of(method) else {
        return false;
    };
    module
        .names()
        .function_at(method.start)
        .is_some_and(|(function, _, _)| {
            module
                .text()
                .slice(function.range())
                .contains(&format!("super().{name}("))
        })
}

/// Whether only the knowledge base says that a package's function is async, and the code around is not. Of an older release of
/// the package that may not hold.
fn is_hearsay(checker: &Checker<'_>, call: &ast::ExprCall) -> bool {
    !checker.in_async()
        && checker
            .callees(call)
            .iter()
            .any(|callee| callee.def.is_none() && !callee.name.starts_with("asyncio."))
}

/// A callable that is declared as sometimes async: `Callable[[str], None | Awaitable[None]]`.
fn may_be_lost(checker: &Checker<'_>, expr: &Expr, call: &ast::ExprCall) -> bool {
    // What stands in an attribute may have been told apart where it was put there.
    if !call.func.is_name_expr() {
        return false;
    }
    let Value::Union(values) = checker.value(expr) else {
        return false;
    };
    let has_awaitable = values.iter().any(|value| match value {
        Value::Instance(class) => matches!(
            class.name.as_str(),
            "typing.Awaitable"
                | "collections.abc.Awaitable"
                | "typing.Coroutine"
                | "collections.abc.Coroutine"
                | "types.CoroutineType"
        ),
        _ => false,
    });
    // A function that is known says more than its annotation does, and may give both for its callers' sake.
    has_awaitable && checker.callees(call).is_empty()
}

/// `app.get("/")(self.index)` registers a function: what such a decorator is declared to give back is the function.
fn decorates(checker: &Checker<'_>, call: &ast::ExprCall) -> bool {
    let ([argument], []) = (&*call.arguments.args, &*call.arguments.keywords) else {
        return false;
    };
    call.func.is_call_expr()
        && matches!(argument, Expr::Name(_) | Expr::Attribute(_))
        && matches!(checker.value(argument), Value::Function(_))
}

/// A name of the function that is bound to a coroutine, or to what holds some, and never read.
fn unread(checker: &Checker<'_>, name: &str, value: &Expr) {
    let is_container = !matches!(value, Expr::Call(_) | Expr::If(_) | Expr::BoolOp(_))
        || mapped(checker, value).is_some();
    if !is_kept_for_nothing(checker, name, is_container) {
        return;
    }
    let kept =
        |called: &str| format!("Coroutine of `{called}` is kept in `{name}` and never awaited");
    if let Some(message) = dropped_map(checker, value) {
        return checker.report(Report::new(&RULE, value, message).help(AWAIT_ALL));
    }
    dropped(value, &mut |expr, _| {
        if lost(checker, expr) == Some(Lost::Coroutine) && !is_meant(checker) {
            report(checker, expr, kept(&called(checker, expr)));
        }
    });
}

/// `calls.append(fetch(url))`, where `calls` is never read.
fn appended(checker: &Checker<'_>, statement: &Expr) {
    let Expr::Call(call) = statement else { return };
    let (Expr::Attribute(method), [element]) = (&*call.func, &*call.arguments.args) else {
        return;
    };
    let Expr::Name(list) = &*method.value else {
        return;
    };
    let names = checker.context.names();
    if matches!(method.attr.as_str(), "append" | "add")
        && matches!(
            names.lookup(list.id.as_str(), checker.scope()),
            Some((_, [Binding::Value(Expr::List(_) | Expr::Call(_))]))
        )
        && lost(checker, element) == Some(Lost::Coroutine)
        && is_kept_for_nothing(checker, list.id.as_str(), true)
        && !is_meant(checker)
    {
        let message = format!(
            "Coroutine of `{}` is kept in `{}` and never awaited",
            called(checker, element),
            list.id
        );
        report(checker, element, message);
    }
}

/// What is wrong with a `map` of an async function whose result is lost.
fn dropped_map(checker: &Checker<'_>, expr: &Expr) -> Option<String> {
    let function = mapped(checker, expr)?;
    let is_async = is_async_function(checker, function, checker.scope());
    (is_async && !is_meant(checker)).then(|| {
        let name = checker.context.source(function);
        format!("Coroutines of `{name}` are never awaited")
    })
}

/// Whether a name is the function's own, and nobody reads what it holds.
fn is_kept_for_nothing(checker: &Checker<'_>, name: &str, is_container: bool) -> bool {
    let Some(function) = checker.function() else {
        return false;
    };
    let context = &checker.context;
    let own = context.names().of_function(function);
    let is_own = own == Some(checker.scope())
        && context
            .names()
            .lookup(name, checker.scope())
            .is_some_and(|(scope, _)| own == Some(scope));
    is_own
        && !is_shared(&function.body, name)
        && reads(&function.body, name)
            .iter()
            .all(|read| is_told_from_none(read) || is_container && is_about_container(read))
}

/// `calls.append(…)`, `len(calls)`, `if calls`: what is in it is not looked at.
fn is_about_container(read: &Read<'_>) -> bool {
    if read.nested {
        return false;
    }
    match (read.parent(), read.grandparent()) {
        (Some(AnyNodeRef::ExprAttribute(attribute)), Some(AnyNodeRef::ExprCall(_))) => {
            matches!(
                attribute.attr.as_str(),
                "append" | "add" | "insert" | "clear"
            )
        }
        (Some(AnyNodeRef::ExprCall(call)), _) => crate::uses::called_name(call) == "len",
        (Some(AnyNodeRef::StmtIf(_)), _) => true,
        _ => false,
    }
}

/// `if status is None`: what awaiting it would have given is meant.
fn is_told_from_none(read: &Read<'_>) -> bool {
    match read.parent() {
        Some(AnyNodeRef::ExprCompare(compare)) => {
            !read.nested
                && compare
                    .ops
                    .iter()
                    .all(|op| matches!(op, ast::CmpOp::Is | ast::CmpOp::IsNot))
                && compare.comparators.iter().all(Expr::is_none_literal_expr)
        }
        _ => false,
    }
}

fn report(checker: &Checker<'_>, expr: &Expr, message: String) {
    let mut report = Report::new(&RULE, expr, message);
    if checker.in_async() {
        report = report.fix(Fix::risky(
            "Await it",
            vec![Edit::insert(expr.start(), "await ")],
        ));
    } else {
        report = report.help("await it in an async function, or start it in a task that is kept");
    }
    checker.report(report);
}

/// Code that is not run, and tests in which the call itself has to fail.
fn is_meant(checker: &Checker<'_>) -> bool {
    is_expected_to_fail(checker)
        || checker.ancestors().any(|ancestor| match ancestor {
            AnyNodeRef::StmtIf(branch) => {
                // Of two ways, this is the one for a plain function.
                is_type_checking(&branch.test) || asks(checker, &branch.test)
            }
            AnyNodeRef::StmtTry(attempt) => attempt.handlers.iter().any(|handler| {
                // `try: f() except TypeError` tries whether it takes such arguments.
                let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
                attempt.body.len() == 1
                    && handler
                        .type_
                        .as_deref()
                        .is_some_and(|class| last_name(class) == Some("TypeError"))
            }),
            _ => false,
        })
}

/// Whether code asks what has to be awaited.
fn asks(checker: &Checker<'_>, test: &Expr) -> bool {
    ["iscoroutine", "isawaitable", "is_async", "is_coroutine"]
        .iter()
        .any(|asked| checker.context.source(test).contains(asked))
}
