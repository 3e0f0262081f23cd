use ruff_python_ast::{self as ast, Stmt};

use crate::annotations::last_name;
use crate::checker::{Checker, Report};
use crate::context::Value;
use crate::diagnostic::{Edit, Fix};
use crate::names::ScopeId;
use crate::rules::rule;
use ruff_python_ast::Expr;
use ruff_text_size::Ranged;

rule! {
    /// ## What it does
    /// Finds async tests that no runner awaits: `async def test_…` or `setUp` in a `unittest.TestCase`, and in modules for pytest an async
    /// test without the marker that its neighbours have.
    ///
    /// ## Why is this bad?
    /// The test passes, or is skipped, and nothing of it has run.
    ///
    /// ## Example
    /// ```python
    /// class TestClient(unittest.TestCase):
    ///     async def test_get(self):
    ///         self.assertEqual(await get(), 1)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// class TestClient(unittest.IsolatedAsyncioTestCase):
    ///     async def test_get(self):
    ///         self.assertEqual(await get(), 1)
    /// ```
    ///
    /// ## Fix safety
    /// The fix changes the base class where it is written `unittest.TestCase`. It is unsafe: the test may fail.
    ///
    /// ## False alarms known
    /// A runner of the project's own that awaits such tests.
    "RIA901", "async-test-never-run", default: true, fix: Unsafe,
    hooks: [Class(check_class), Module(check_module)],
}

fn check_class(checker: &Checker<'_>, class: &ast::StmtClassDef) {
    let Some(base) = unittest_base(checker, class, checker.scope(), 0) else {
        return;
    };
    for stmt in &class.body {
        let Stmt::FunctionDef(function) = stmt else {
            continue;
        };
        let name = function.name.as_str();
        let is_run = name.starts_with("test")
            || matches!(name, "setUp" | "tearDown" | "setUpClass" | "tearDownClass");
        // A decorator may make a plain function of it.
        let plain = function.decorator_list.iter().all(|decorator| {
            let named = ast::helpers::map_callable(&decorator.expression);
            checker.context.source(named).contains("patch")
                || matches!(
                    last_name(named),
                    Some("skip" | "skipIf" | "skipUnless" | "expectedFailure" | "classmethod")
                )
        });
        if !function.is_async || !is_run || !plain {
            continue;
        }
        let message = format!("Async `{name}` of a `unittest.TestCase` is never awaited");
        let mut report = Report::new(&RULE, &function.name, message);
        report = match base {
            Some(Expr::Attribute(attribute)) => report.fix(Fix::risky(
                "Derive from `unittest.IsolatedAsyncioTestCase`",
                vec![Edit::replace(
                    attribute.attr.range(),
                    "IsolatedAsyncioTestCase",
                )],
            )),
            _ => report.help("derive from `unittest.IsolatedAsyncioTestCase`"),
        };
        checker.report(report);
    }
}

/// Bases of bases that are looked at: nobody writes more, but two classes may name each other.
const MAX_BASES: usize = 16;

/// Whether a class derives from `unittest.TestCase` and from nothing else that is not known; the base itself, where it is
/// written in this class.
fn unittest_base<'c>(
    checker: &Checker<'_>,
    class: &'c ast::StmtClassDef,
    scope: ScopeId,
    depth: usize,
) -> Option<Option<&'c Expr>> {
    if depth > MAX_BASES {
        return None;
    }
    let context = &checker.context;
    let outer = context
        .names()
        .scope(scope)
        .parent
        .unwrap_or(ScopeId::MODULE);
    let mut found = None;
    for base in class.bases() {
        if context.dotted(base, outer).as_deref() == Some("unittest.TestCase") {
            found = Some(Some(base));
            continue;
        }
        // A base of the same module, which has no way of its own to run tests.
        let Value::Class(entity) = context.value(base, outer) else {
            return None;
        };
        let def = entity.def?;
        if context.def_at(def.start).file != def.file {
            return None;
        }
        let (statement, inner, _) = context.names().class_at(def.start)?;
        if statement.body.iter().any(|stmt| {
            matches!(stmt, Stmt::FunctionDef(function) if runs_tests(function.name.as_str()))
        }) {
            return None;
        }
        if statement.bases().is_empty() {
            continue;
        }
        unittest_base(checker, statement, inner, depth + 1)?;
        found = found.or(Some(None));
    }
    let own_way = class.body.iter().any(
        |stmt| matches!(stmt, Stmt::FunctionDef(function) if runs_tests(function.name.as_str())),
    );
    let metaclass = class.keywords().is_empty();
    let undecorated = class.decorator_list.is_empty();
    found.filter(|_| !own_way && metaclass && undecorated)
}

fn runs_tests(name: &str) -> bool {
    matches!(
        name,
        "run"
            | "__call__"
            | "__getattribute__"
            | "_callTestMethod"
            | "__init_subclass__"
            | "_callSetUp"
            | "__init__"
    )
}

fn check_module(checker: &Checker<'_>, body: &[Stmt]) {
    let text = checker.context.text();
    let path = text.path();
    let is_test = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"));
    if !is_test || !text.text.contains("mark.asyncio") {
        return;
    }
    let mut marked = 0;
    let mut bare: Vec<&ast::StmtFunctionDef> = Vec::new();
    for stmt in body {
        match stmt {
            // `pytestmark = …` holds for all.
            Stmt::Assign(assign)
                if assign
                    .targets
                    .iter()
                    .any(|target| last_name(target) == Some("pytestmark")) =>
            {
                return;
            }
            Stmt::FunctionDef(function) if function.is_async => {
                if function.decorator_list.iter().any(|decorator| {
                    let source = checker.context.source(&decorator.expression);
                    source.contains("mark.asyncio")
                }) {
                    marked += 1;
                } else if function.name.starts_with("test_") {
                    let only_marks = function.decorator_list.iter().all(|decorator| {
                        let source = checker.context.source(&decorator.expression);
                        source.contains("mark.parametrize") || source.contains("patch")
                    });
                    if only_marks {
                        bare.push(function);
                    }
                }
            }
            _ => {}
        }
    }
    // One that was forgotten among many; where most have none, something else runs them.
    if marked <= bare.len()
        || bare.is_empty()
        || checker.context.worker.pytest_config(&path).runs_async()
    {
        return;
    }
    for function in bare {
        let message = format!(
            "Async test `{}` has no marker and is never awaited",
            function.name
        );
        checker.report(
            Report::new(&RULE, &function.name, message)
                .help("mark it with `@pytest.mark.asyncio` as the others"),
        );
    }
}
