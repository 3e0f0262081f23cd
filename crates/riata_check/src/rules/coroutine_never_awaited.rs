use riata_types::Origin;
use ruff_python_ast::{self as ast, AnyNodeRef, Expr, Stmt};
use ruff_text_size::{Ranged, TextSize};

use crate::annotations::last_name;
use crate::body::is_type_checking;
use crate::checker::{Checker, Report};
use crate::context::Value;
use crate::diagnostic::{Edit, Fix, Related};
use crate::locals::{is_shared, reads};
use crate::lost::{Lost, called, dropped, is_expected_to_fail, lost};
use crate::names::first_parameter;
use crate::program::Def;
use crate::rules::rule;
use crate::source::Location;

rule! {
    /// ## What it does
    /// Finds coroutines that are made and dropped: a call as a statement, or one whose result gets a name that is never read.
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

fn check(checker: &Checker<'_>, stmt: &Stmt) {
    match stmt {
        Stmt::Expr(statement) => dropped(&statement.value, &mut |expr, call| {
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
        }),
        Stmt::Assign(assign) => {
            let [Expr::Name(target)] = assign.targets.as_slice() else {
                return;
            };
            unread(checker, target.id.as_str(), &assign.value);
        }
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

/// `app.get("/")(self.index)` registers a function: what such a decorator is declared to give back is the function.
fn decorates(checker: &Checker<'_>, call: &ast::ExprCall) -> bool {
    let ([argument], []) = (&*call.arguments.args, &*call.arguments.keywords) else {
        return false;
    };
    call.func.is_call_expr()
        && matches!(argument, Expr::Name(_) | Expr::Attribute(_))
        && matches!(checker.value(argument), Value::Function(_))
}

/// A name of the function that is bound to a coroutine and never read.
fn unread(checker: &Checker<'_>, name: &str, value: &Expr) {
    let Expr::Call(_) = value else { return };
    let Some(function) = checker.function() else {
        return;
    };
    if checker.context.names().of_function(function) != Some(checker.scope())
        || lost(checker, value) != Some(Lost::Coroutine)
        || is_shared(&function.body, name)
        || !reads(&function.body, name).is_empty()
        || is_meant(checker)
    {
        return;
    }
    let message = format!(
        "Coroutine of `{}` is kept in `{name}` and never awaited",
        called(checker, value)
    );
    report(checker, value, message);
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
                is_type_checking(&branch.test)
                    || ["iscoroutine", "isawaitable", "is_async", "is_coroutine"]
                        .iter()
                        .any(|asked| checker.context.source(&*branch.test).contains(asked))
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
