use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::annotations::{is_plain, last_name};
use crate::checker::{Checker, Report};
use crate::context::{Context, Value, last};
use crate::diagnostic::{Edit, Fix};
use crate::functions::{Returned, is_generator, is_stub};
use crate::lost::is_expected_to_fail;
use crate::names::Binding;
use crate::program::Def;
use crate::rules::rule;
use crate::uses;

rule! {
    /// ## What it does
    /// Finds mocks of the wrong kind for the function they stand in for: `AsyncMock` for a plain function, `Mock` or `MagicMock` for an async
    /// one. Also an `await` of what a `Mock` or `MagicMock` gives that is made in the same function.
    ///
    /// ## Why is this bad?
    /// Calling an `AsyncMock` gives a coroutine. Code that calls a plain function does not await it, and works on with an object
    /// that is always true. What a `MagicMock` gives cannot be awaited.
    ///
    /// ## Example
    /// ```python
    /// with patch("app.cleanup_later", AsyncMock()):  # a plain function
    ///     await stop(app)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// with patch("app.cleanup_later", MagicMock()):
    ///     await stop(app)
    /// ```
    ///
    /// ## Fix safety
    /// The fix names the other class, where both are imported already. It is unsafe: the test may fail.
    ///
    /// ## False alarms known
    /// A plain function that returns an awaitable and does not say so.
    "RIA903", "wrong-mock", default: true, fix: Unsafe,
    hooks: [Call(check_call), Stmt(check_stmt), Expr(awaited)],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mock {
    Async,
    Plain,
}

fn check_call(checker: &Checker<'_>, call: &ast::ExprCall) {
    if !imports_mock(checker) {
        return;
    }
    let arguments = &call.arguments.args;
    match last_name(&call.func) {
        // `patch("module.function", AsyncMock())`
        Some("patch") => {
            let Some(Expr::StringLiteral(target)) = arguments.first() else {
                return;
            };
            let Some(mock) = replacement(call, 1) else {
                return;
            };
            if let Some(def) = named(checker, target.value.to_str()) {
                report(checker, mock, def);
            }
        }
        // `patch.object(module, "function", AsyncMock())`, `monkeypatch.setattr(module, "function", AsyncMock())`
        Some("object" | "setattr") => {
            if last_name(&call.func) == Some("object")
                && !matches!(&*call.func, Expr::Attribute(attribute) if last_name(&attribute.value) == Some("patch"))
            {
                return;
            }
            match &**arguments {
                [Expr::StringLiteral(target), mock] => {
                    if let Some(def) = named(checker, target.value.to_str()) {
                        report(checker, mock, def);
                    }
                }
                [owner, Expr::StringLiteral(name), ..] => {
                    let Some(mock) = replacement(call, 2) else {
                        return;
                    };
                    if let Some(def) = member(checker, owner, name.value.to_str()) {
                        report(checker, mock, def);
                    }
                }
                _ => {}
            }
        }
        _ => {}
    }
}

/// `service.stop = AsyncMock()`
fn check_stmt(checker: &Checker<'_>, stmt: &Stmt) {
    let Stmt::Assign(assign) = stmt else { return };
    let [Expr::Attribute(target)] = assign.targets.as_slice() else {
        return;
    };
    if imports_mock(checker)
        && kind(checker, &assign.value).is_some()
        && let Some(def) = member(checker, &target.value, target.attr.as_str())
    {
        report(checker, &assign.value, def);
    }
}

/// `await mock()`, `await mock.get()` of a `MagicMock()` that nothing else was made of.
fn awaited(checker: &Checker<'_>, expr: &Expr) {
    let Expr::Await(awaited) = expr else { return };
    let Expr::Call(call) = &*awaited.value else {
        return;
    };
    let (Some(name), Some(function)) = (root(&call.func), checker.function()) else {
        return;
    };
    if !imports_mock(checker) || is_expected_to_fail(checker) {
        return;
    }
    let scope = checker.scope();
    let Some((found_in, bindings)) = checker.context.names().lookup(name, scope) else {
        return;
    };
    let is_mock = !bindings.is_empty()
        && bindings.iter().all(|binding| {
            matches!(binding, Binding::Value(value @ Expr::Call(_))
                if kind(checker, value) == Some(Mock::Plain))
        });
    if !is_mock || found_in != scope || is_furnished(function, name) {
        return;
    }
    let message = format!(
        "`{}` is a mock that is not async, and what it gives cannot be awaited",
        checker.context.source(&*call.func)
    );
    checker.report(Report::new(&RULE, expr, message).help("use `AsyncMock`"));
}

/// The name that a chain of attributes begins with.
fn root(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => root(&attribute.value),
        _ => None,
    }
}

/// Whether a function gives a mock attributes or results, or hands it to somebody who may: `mock.get = AsyncMock()`.
fn is_furnished(function: &ast::StmtFunctionDef, name: &str) -> bool {
    let mut found = false;
    uses::exprs(&function.body, true, &mut |expr| match expr {
        Expr::Attribute(attribute) if attribute.ctx.is_store() => {
            found |= root(&attribute.value) == Some(name);
        }
        Expr::Call(call) => {
            let by_name = matches!(&*call.func, Expr::Attribute(method)
                if matches!(method.attr.as_str(), "configure_mock" | "attach_mock")
                    && root(&method.value) == Some(name));
            found |= by_name
                || call
                    .arguments
                    .args
                    .iter()
                    .any(|given| root(given) == Some(name));
        }
        _ => {}
    });
    found
}

pub(super) fn imports_mock(checker: &Checker<'_>) -> bool {
    let imports = &checker.context.names().imports;
    ["unittest.mock", "unittest", "mock"]
        .iter()
        .any(|name| imports.contains(name))
}

/// The mock that a call of `patch` is given, or the class in `new_callable=`.
fn replacement(call: &ast::ExprCall, index: usize) -> Option<&Expr> {
    call.arguments
        .find_keyword("new_callable")
        .or_else(|| call.arguments.find_keyword("new"))
        .map(|keyword| &keyword.value)
        .or_else(|| call.arguments.args.get(index))
}

fn kind(checker: &Checker<'_>, mock: &Expr) -> Option<Mock> {
    let (class, call) = match mock {
        Expr::Call(call) => (&*call.func, Some(call)),
        other => (other, None),
    };
    let name = checker.dotted(class)?;
    if !name.starts_with("unittest.mock.") && !name.starts_with("mock.") {
        return None;
    }
    match last(&name) {
        "AsyncMock" => Some(Mock::Async),
        // What it returns may be something to await.
        "Mock" | "MagicMock" => call
            .is_none_or(|call| call.arguments.is_empty())
            .then_some(Mock::Plain),
        _ => None,
    }
}

fn report(checker: &Checker<'_>, mock: &Expr, def: Def) {
    let Some(kind) = kind(checker, mock) else {
        return;
    };
    let Some(module) = checker.context.worker.module_of(def) else {
        return;
    };
    let Some((function, _, scope)) = module.names().function_at(def.start) else {
        return;
    };
    let Some(described) = checker.context.worker.function(def) else {
        return;
    };
    if is_generator(function) || described.is_property() {
        return;
    }
    let context = Context::new(checker.context.worker, &module);
    let (is_wrong, message, other) = match kind {
        Mock::Async => {
            let gives_plain = match function.returns.as_deref() {
                Some(annotation) => is_plain(&context, annotation, scope),
                None => Returned::of(function).is_empty() && !is_stub(function),
            };
            let is_plain = !function.is_async && described.decorators_are_plain() && gives_plain;
            (
                is_plain,
                "`AsyncMock` stands in for the plain function",
                "MagicMock",
            )
        }
        Mock::Plain => {
            let is_async = described.gives_coroutine();
            (
                is_async,
                "A mock that is not async stands in for the async function",
                "AsyncMock",
            )
        }
    };
    if !is_wrong {
        return;
    }
    let mut report = Report::new(&RULE, mock, format!("{message} `{}`", function.name));
    let class = match mock {
        Expr::Call(call) => &*call.func,
        class => class,
    };
    let (range, known) = match class {
        Expr::Attribute(attribute) => (attribute.attr.range(), true),
        name => {
            let known = checker
                .context
                .names()
                .lookup(other, checker.scope())
                .is_some();
            (name.range(), known)
        }
    };
    report = if known {
        report.fix(Fix::risky(
            format!("Use `{other}`"),
            vec![Edit::replace(range, other)],
        ))
    } else {
        report.help(format!("use `{other}`"))
    };
    report.related.push(crate::diagnostic::Related {
        location: module.text().location(function.name.range()),
        message: "is defined here".to_owned(),
    });
    checker.report(report);
}

/// The function that a dotted name stands for: a module of the project, then a function, or a class and its method.
fn named(checker: &Checker<'_>, dotted: &str) -> Option<Def> {
    let worker = checker.context.worker;
    let parts: Vec<&str> = dotted.split('.').collect();
    for split in (1..parts.len()).rev() {
        let Some(file) = worker.find_module(&parts.get(..split)?.join(".")) else {
            continue;
        };
        let module = worker.module_for_interface(file)?;
        let context = Context::new(worker, &module);
        let names = module.names();
        return match parts.get(split..)? {
            [name] => match names.bindings(name, crate::names::ScopeId::MODULE) {
                [Binding::Function(function)] => Some(context.def_at(function.name.start())),
                // The module of a function's users has it by import.
                [Binding::ImportFrom { statement, alias }] => {
                    let from = crate::context::absolute_module(module.text(), statement);
                    if from == parts.get(..split)?.join(".") {
                        return None;
                    }
                    named(checker, &format!("{from}.{}", alias.name))
                }
                _ => None,
            },
            [class, name] => match names.bindings(class, crate::names::ScopeId::MODULE) {
                [Binding::Class(class)] => context.method(context.def_at(class.name.start()), name),
                [Binding::ImportFrom { statement, alias }] => {
                    let from = crate::context::absolute_module(module.text(), statement);
                    if from == parts.get(..split)?.join(".") {
                        return None;
                    }
                    named(checker, &format!("{from}.{}.{name}", alias.name))
                }
                _ => None,
            },
            _ => None,
        };
    }
    None
}

/// The function that an object has by a name.
fn member(checker: &Checker<'_>, owner: &Expr, name: &str) -> Option<Def> {
    match checker.value(owner) {
        Value::Module(module) => named(checker, &format!("{module}.{name}")),
        Value::Class(class) => checker.context.method(class.def?, name),
        Value::Instance(class) => {
            let def = match class.def {
                Some(def) => def,
                None => checker.context.class_of(owner, checker.scope())?,
            };
            checker.context.method(def, name)
        }
        _ => None,
    }
}
