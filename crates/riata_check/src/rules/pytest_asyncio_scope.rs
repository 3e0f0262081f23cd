use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::annotations::last_name;
use crate::checker::{Checker, Report};
use crate::diagnostic::{Edit, Fix};
use crate::rules::rule;

rule! {
    /// ## What it does
    /// Finds async fixtures that pytest-asyncio does not run, or runs on another loop than the tests that use them: `@pytest.fixture` on an
    /// `async def` in strict mode, and a session, module or class fixture whose tests run on a loop for each function.
    ///
    /// ## Why is this bad?
    /// In the first case the test gets a coroutine. In the second, what the fixture made belongs to another loop, and using it fails with
    /// "attached to a different loop" or waits for ever.
    ///
    /// ## Example
    /// ```python
    /// @pytest_asyncio.fixture(scope="module")
    /// async def client():
    ///     return await connect()
    ///
    ///
    /// @pytest.mark.asyncio
    /// async def test_get(client): ...
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// @pytest_asyncio.fixture(scope="module", loop_scope="module")
    /// async def client():
    ///     return await connect()
    ///
    ///
    /// @pytest.mark.asyncio(loop_scope="module")
    /// async def test_get(client): ...
    /// ```
    ///
    /// ## Fix safety
    /// The fix names `pytest_asyncio.fixture` where `pytest_asyncio` is imported. It is unsafe: tests may fail.
    ///
    /// ## False alarms known
    /// A fixture of a wide scope that makes nothing which belongs to a loop.
    "RIA905", "pytest-asyncio-scope", default: true, fix: Unsafe,
    hooks: [Module(check)],
}

fn check(checker: &Checker<'_>, body: &[Stmt]) {
    let context = &checker.context;
    let text = context.text();
    // Both are signs of strict mode: in auto mode neither is written.
    let imports = context.names().imports.contains("pytest_asyncio");
    if !imports && !text.text.contains("mark.asyncio") {
        return;
    }
    let functions: Vec<&ast::StmtFunctionDef> =
        body.iter().filter_map(Stmt::as_function_def_stmt).collect();
    let mut config = None;
    for function in &functions {
        if !function.is_async {
            continue;
        }
        for decorator in &function.decorator_list {
            let named = ast::helpers::map_callable(&decorator.expression);
            match context
                .dotted(named, crate::names::ScopeId::MODULE)
                .as_deref()
            {
                Some("pytest.fixture") => {
                    if text.text.contains("anyio")
                        || config
                            .get_or_insert_with(|| context.worker.pytest_config(&text.path()))
                            .runs_async()
                        || context.names().imports.contains("trio")
                        || !is_used(&functions, function)
                    {
                        continue;
                    }
                    let message = format!(
                        "Async fixture `{}` is not one of pytest-asyncio, so tests get a coroutine in strict mode",
                        function.name
                    );
                    let mut report = Report::new(&RULE, named, message);
                    report = if imports {
                        report.fix(Fix::risky(
                            "Use `pytest_asyncio.fixture`",
                            vec![Edit::replace(named.range(), "pytest_asyncio.fixture")],
                        ))
                    } else {
                        report.help("use `@pytest_asyncio.fixture`")
                    };
                    checker.report(report);
                }
                Some("pytest_asyncio.fixture") => {
                    let Expr::Call(call) = &decorator.expression else {
                        continue;
                    };
                    let Some(scope) = call.arguments.find_keyword("scope") else {
                        continue;
                    };
                    let Expr::StringLiteral(scope) = &scope.value else {
                        continue;
                    };
                    if scope.value.to_str() == "function"
                        || call.arguments.find_keyword("loop_scope").is_some()
                        || text.text.contains("pytestmark")
                        || text.text.contains("def event_loop")
                        || config
                            .get_or_insert_with(|| context.worker.pytest_config(&text.path()))
                            .sets_loop_scope()
                    {
                        continue;
                    }
                    let user = functions.iter().find(|test| {
                        test.name.starts_with("test_")
                            && takes(test, function.name.as_str())
                            && runs_on_own_loop(test)
                    });
                    let Some(user) = user else { continue };
                    let message = format!(
                        "Fixture `{}` lives on the loop of the {}, test `{}` on a loop of its own",
                        function.name,
                        scope.value.to_str(),
                        user.name
                    );
                    checker.report(
                        Report::new(&RULE, decorator, message)
                            .related(checker, &user.name, "the test uses it")
                            .help("give the fixture and its tests the same `loop_scope`"),
                    );
                }
                _ => {}
            }
        }
    }
}

fn takes(test: &ast::StmtFunctionDef, fixture: &str) -> bool {
    (*test.parameters)
        .iter()
        .any(|parameter| parameter.name().as_str() == fixture)
}

/// Whether a test marked for pytest-asyncio uses the fixture.
fn is_used(functions: &[&ast::StmtFunctionDef], fixture: &ast::StmtFunctionDef) -> bool {
    functions.iter().any(|test| {
        test.name.starts_with("test_") && takes(test, fixture.name.as_str()) && is_marked(test)
    })
}

fn is_marked(test: &ast::StmtFunctionDef) -> bool {
    test.is_async
        && test.decorator_list.iter().any(|decorator| {
            last_name(ast::helpers::map_callable(&decorator.expression)) == Some("asyncio")
        })
}

fn runs_on_own_loop(test: &ast::StmtFunctionDef) -> bool {
    test.decorator_list
        .iter()
        .any(|decorator| match &decorator.expression {
            Expr::Call(call) => {
                last_name(&call.func) == Some("asyncio") && call.arguments.is_empty()
            }
            other => last_name(other) == Some("asyncio"),
        })
}
