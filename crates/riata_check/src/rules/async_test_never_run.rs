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
    /// test without the marker that its neighbours have. Also what prepares tests and is never awaited: `async def setUp` in an
    /// `IsolatedAsyncioTestCase` (or in a test case of Django), `asyncSetUp` in a `TestCase`, and an async fixture of
    /// `pytest.fixture` where pytest-asyncio takes only those of its own.
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
    /// The fix changes the base class where it is written `unittest.TestCase`, or names `setUp` `asyncSetUp`. It is unsafe: the test
    /// may fail.
    ///
    /// ## False alarms known
    /// A runner of the project's own that awaits such tests.
    "RIA901", "async-test-never-run", default: true, fix: Unsafe,
    hooks: [Class(check_class), Module(check_module)],
}

/// What runs the tests of a class.
#[derive(Clone, Copy)]
enum Runner {
    /// `unittest.TestCase`: nothing is awaited.
    Plain,
    /// `unittest.IsolatedAsyncioTestCase`: tests are, and `asyncSetUp`.
    Isolated,
    /// Django's: tests are.
    Django,
}

impl Runner {
    fn of(base: &str) -> Option<Self> {
        match base {
            "unittest.TestCase" => Some(Self::Plain),
            "unittest.IsolatedAsyncioTestCase" => Some(Self::Isolated),
            "django.test.SimpleTestCase"
            | "django.test.TransactionTestCase"
            | "django.test.TestCase"
            | "django.test.LiveServerTestCase" => Some(Self::Django),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "`unittest.TestCase`",
            Self::Isolated => "`unittest.IsolatedAsyncioTestCase`",
            Self::Django => "Django test case",
        }
    }

    /// Whether it calls a method and awaits nothing, or does not call it.
    fn forgets(self, method: &str) -> bool {
        let prepares = matches!(
            method,
            "setUp" | "tearDown" | "setUpClass" | "tearDownClass"
        );
        match self {
            Self::Plain => {
                prepares
                    || method.starts_with("test")
                    || matches!(method, "asyncSetUp" | "asyncTearDown")
            }
            Self::Isolated => prepares,
            Self::Django => prepares || method == "setUpTestData",
        }
    }
}

fn check_class(checker: &Checker<'_>, class: &ast::StmtClassDef) {
    let Some((runner, base)) = unittest_base(checker, class, checker.scope(), 0) else {
        return;
    };
    for stmt in &class.body {
        let Stmt::FunctionDef(function) = stmt else {
            continue;
        };
        let name = function.name.as_str();
        // A decorator may make a plain function of it.
        let plain = function.decorator_list.iter().all(|decorator| {
            let named = ast::helpers::map_callable(&decorator.expression);
            checker.context.source(named).contains("patch")
                || matches!(
                    last_name(named),
                    Some("skip" | "skipIf" | "skipUnless" | "expectedFailure" | "classmethod")
                )
        });
        if !function.is_async || !runner.forgets(name) || !plain {
            continue;
        }
        let message = format!("Async `{name}` of a {} is never awaited", runner.name());
        let report = Report::new(&RULE, &function.name, message);
        checker.report(match (runner, base) {
            (Runner::Plain, _) if !name.starts_with("test") => report
                .help("derive from `unittest.IsolatedAsyncioTestCase`, and do it in `asyncSetUp` or `asyncTearDown`"),
            (Runner::Plain, Some(Expr::Attribute(attribute))) => report.fix(Fix::risky(
                "Derive from `unittest.IsolatedAsyncioTestCase`",
                vec![Edit::replace(
                    attribute.attr.range(),
                    "IsolatedAsyncioTestCase",
                )],
            )),
            (Runner::Plain, _) => report.help("derive from `unittest.IsolatedAsyncioTestCase`"),
            (Runner::Isolated, _) => renamed(report, class, function),
            (Runner::Django, _) => report.help("make it a plain function, and use `async_to_sync`"),
        });
    }
}

/// Bases of bases that are looked at: nobody writes more, but two classes may name each other.
const MAX_BASES: usize = 16;

/// `asyncSetUp` for `setUp`, where the class has none yet.
fn renamed(report: Report, class: &ast::StmtClassDef, function: &ast::StmtFunctionDef) -> Report {
    let name = match function.name.as_str() {
        "setUp" => "asyncSetUp",
        "tearDown" => "asyncTearDown",
        _ => return report.help("do it in `asyncSetUp` or `asyncTearDown`"),
    };
    let is_there = class
        .body
        .iter()
        .any(|stmt| matches!(stmt, Stmt::FunctionDef(other) if other.name.as_str() == name));
    if is_there {
        return report.help(format!("do it in `{name}`"));
    }
    report.fix(Fix::risky(
        format!("Name it `{name}`"),
        vec![Edit::replace(function.name.range(), name)],
    ))
}

/// What a class derives from, and from nothing else that is not known; the base itself, where it is written in this class.
fn unittest_base<'c>(
    checker: &Checker<'_>,
    class: &'c ast::StmtClassDef,
    scope: ScopeId,
    depth: usize,
) -> Option<(Runner, Option<&'c Expr>)> {
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
        if let Some(runner) = context.dotted(base, outer).as_deref().and_then(Runner::of) {
            found = Some((runner, Some(base)));
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
        let (runner, _) = unittest_base(checker, statement, inner, depth + 1)?;
        found = found.or(Some((runner, None)));
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

/// `@pytest.fixture async def …`, where pytest-asyncio is there and asks for its own decorator: tests get a coroutine.
fn check_fixtures(checker: &Checker<'_>, body: &[Stmt]) {
    let context = &checker.context;
    let text = &context.text().text;
    if !text.contains("fixture") || !context.is_test_module() {
        return;
    }
    let config = context.worker.pytest_config(&context.text().path());
    let strict = text.contains("mark.asyncio") || text.contains("pytest_asyncio");
    let other = |text: &str| {
        [
            "anyio",
            "trio",
            "asyncio_mode=legacy",
            "asyncio_mode = legacy",
            "pytest_fixture_setup",
        ]
        .iter()
        .any(|word| text.contains(word))
    };
    if !strict || config.runs_async() || other(text) || other(config.text()) {
        return;
    }
    let in_classes = body
        .iter()
        .filter_map(Stmt::as_class_def_stmt)
        .flat_map(|class| &class.body);
    for stmt in body.iter().chain(in_classes) {
        let Stmt::FunctionDef(function) = stmt else {
            continue;
        };
        let [decorator] = &*function.decorator_list else {
            continue;
        };
        let named = ast::helpers::map_callable(&decorator.expression);
        if !function.is_async
            || context.dotted(named, checker.scope()).as_deref() != Some("pytest.fixture")
        {
            continue;
        }
        let message = format!("Async fixture `{}` is never awaited", function.name);
        let report = Report::new(&RULE, &function.name, message);
        let module = context.names().lookup("pytest_asyncio", ScopeId::MODULE);
        checker.report(match module {
            Some(_) => report.fix(Fix::risky(
                "Use `pytest_asyncio.fixture`",
                vec![Edit::replace(named.range(), "pytest_asyncio.fixture")],
            )),
            None => report.help("use `pytest_asyncio.fixture`, or set `asyncio_mode = auto`"),
        });
    }
}

fn check_module(checker: &Checker<'_>, body: &[Stmt]) {
    check_fixtures(checker, body);
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
