//! What the command line and the configuration change.

use crate::project::{Project, shop};

const SLEEPS: &str = "import time\n\n\nasync def f():\n    time.sleep(1)\n";

/// The short report of what is found, a line for each finding.
fn found(project: &Project, arguments: &[&str]) -> Vec<String> {
    let mut all = vec!["--output-format", "concise", "-q"];
    all.extend(arguments);
    project.stdout(&all).lines().map(ToOwned::to_owned).collect()
}

/// The paths and codes of what is found.
fn places(project: &Project, arguments: &[&str]) -> Vec<String> {
    found(project, arguments)
        .iter()
        .map(|line| {
            let mut parts = line.split(':');
            let path = parts.next().unwrap_or("");
            let code = parts.nth(2).unwrap_or("").split_whitespace().next().unwrap_or("");
            format!("{path} {code}")
        })
        .collect()
}

#[test]
fn the_nearest_configuration_counts() {
    let project = Project::new(&[
        ("a/pyproject.toml", "[tool.riata.check]\nignore = ['RIA101']\n"),
        ("a/a.py", SLEEPS),
        // It says nothing to us, so the one above counts.
        ("a/inner/pyproject.toml", "[project]\nname = 'inner'\n"),
        ("a/inner/a.py", SLEEPS),
        ("b/pyproject.toml", "[tool.riata.check]\nselect = ['RIA1']\n"),
        ("b/b.py", SLEEPS),
    ]);
    assert_eq!(places(&project, &["a", "b"]), ["b/b.py RIA101"]);
    // Nothing is checked twice, or with the settings of the folder around it.
    assert_eq!(places(&project, &[".", "b", "a"]), ["b/b.py RIA101"]);
    assert_eq!(places(&project, &["a/inner"]), [""; 0]);
    assert_eq!(places(&project, &["--isolated", "a/inner"]), ["a/inner/a.py RIA101"]);
    // What the command line selects makes what the file ignores void.
    assert_eq!(places(&project, &["--select", "RIA1", "a/a.py"]), ["a/a.py RIA101"]);
    assert_eq!(places(&project, &["--config", "ignore = ['RIA101']", "b"]), [""; 0]);
    assert_eq!(places(&project, &["--config", "a/pyproject.toml", "b"]), [""; 0]);
}

#[test]
fn a_configuration_file_may_have_the_keys_at_its_top() {
    let project = Project::new(&[("a.py", SLEEPS), ("check.toml", "ignore = ['RIA101']\n")]);
    assert_eq!(places(&project, &["--config", "check.toml"]), [""; 0]);
}

#[test]
fn rules_are_off_in_some_files() {
    let project = Project::new(&[
        ("pyproject.toml", "[tool.riata.check.per-file-ignores]\n'tests/*' = ['RIA1']\n"),
        ("tests/test_a.py", SLEEPS),
        ("a.py", SLEEPS),
    ]);
    assert_eq!(places(&project, &[]), ["a.py RIA101"]);
    assert_eq!(
        places(&project, &["--per-file-ignores", "a.py:RIA101"]),
        ["tests/test_a.py RIA101"]
    );
}

#[test]
fn folders_are_left_out() {
    let project = Project::new(&[
        (".gitignore", "generated/\n"),
        ("generated/a.py", SLEEPS),
        (".venv/lib/a.py", SLEEPS),
        ("build/a.py", SLEEPS),
        (".github/a.py", SLEEPS),
        ("a.pyi", SLEEPS),
        ("a.txt", SLEEPS),
        ("a.pyw", SLEEPS),
        ("pkg/a.py", SLEEPS),
    ]);
    let files = |arguments: &[&str]| {
        let mut all = vec!["--isolated", "--show-files"];
        all.extend(arguments);
        let root = format!("{}/", project.root().display());
        let text = project.stdout(&all);
        text.lines().map(|line| line.replace(&root, "")).collect::<Vec<_>>()
    };
    assert_eq!(files(&[]), [".github/a.py", "a.pyw", "pkg/a.py"]);
    assert_eq!(files(&["--extend-exclude", "pkg"]), [".github/a.py", "a.pyw"]);
    assert_eq!(
        files(&["--no-respect-gitignore"]),
        [".github/a.py", "a.pyw", "generated/a.py", "pkg/a.py"]
    );
    assert_eq!(
        files(&["--exclude", "pkg/"]),
        [".github/a.py", ".venv/lib/a.py", "a.pyw", "build/a.py"]
    );
    // What is named is checked.
    let named = files(&["build/a.py", "a.txt", "generated"]);
    assert_eq!(named, ["a.txt", "build/a.py", "generated/a.py"]);
    assert_eq!(files(&["build", "pkg", "pkg/a.py"]), ["build/a.py", "pkg/a.py"]);
}

#[test]
fn settings_are_shown() {
    let project = Project::new(&[
        (
            "pyproject.toml",
            "\
[project]
name = \"shop\"
requires-python = \">=3.12\"

[tool.riata.check]
select = [\"RIA101\", \"RIA102\"]
extend-exclude = [\"generated\"]
blocking = [\"shop.db.query\"]
baseline = \"known.json\"

[tool.riata.check.per-file-ignores]
\"tests/*\" = [\"RIA101\"]
",
        ),
        ("src/shop/__init__.py", ""),
        ("tools/lib/helpers/__init__.py", ""),
        (".venv/pyvenv.cfg", "home = /nowhere\nversion = 3.13.1\n"),
        (".venv/lib/python3.13/site-packages/requests/__init__.py", ""),
    ]);
    // The default list of what is left out is long.
    let text = project.run(&["--show-settings", "--exclude", ".venv"]);
    insta::assert_snapshot!(text);
}

#[cfg(unix)]
#[test]
fn a_script_that_starts_an_interpreter_is_asked_where_it_lies() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = Project::new(&[
        ("environment/lib/python3.13/site-packages/requests/__init__.py", ""),
        ("environment/pyvenv.cfg", "home = /nowhere\nversion = 3.13.1\n"),
        ("a.py", ""),
    ]);
    let prefix = project.path("environment");
    project.write("shims/python", &format!("#!/bin/sh\nprintf %s '{}'\n", prefix.display()));
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.path("shims/python"), executable).expect("it is ours");
    let text = project.run(&["--isolated", "--python", "shims/python", "--show-settings"]);
    assert!(text.contains("python = \"<root>/environment\"\n"), "{text}");
    // A configuration does not make us run anything.
    project.write("pyproject.toml", "[tool.riata.check]\npython = 'shims/python'\n");
    let text = project.run(&["--show-settings"]);
    assert!(text.starts_with("exit code: 2\n"), "{text}");
}

#[test]
fn the_oldest_python_can_be_told() {
    let version = |project: &Project, arguments: &[&str]| {
        let mut all = vec!["--show-settings"];
        all.extend(arguments);
        let text = project.stdout(&all);
        let line = text.lines().find(|line| line.starts_with("target-version")).expect("shown");
        line.to_owned()
    };
    let project = Project::new(&[("pyproject.toml", "[project]\nrequires-python = '>=3.11'\n")]);
    assert_eq!(version(&project, &[]), "target-version = \"py311\"");
    assert_eq!(version(&project, &["--target-version", "py314"]), "target-version = \"py314\"");
    assert_eq!(version(&project, &["--isolated"]), "target-version = \"py310\"");
}

#[test]
fn standard_input_stands_for_a_file() {
    let shop = shop();
    let input = "\
import time

from shop.prices import Prices


async def f(prices: Prices):
    time.sleep(1)
    return prices.of(\"a\")
";
    insta::assert_snapshot!(
        shop.run_with_input(
            &["--isolated", "-", "--stdin-filename", "shop/server.py", "--output-format", "concise"],
            input,
        ),
        @r"
    exit code: 1
    ----- stdout -----
    shop/server.py:7:5: RIA101 Async function calls `time.sleep`, which sleeps
    shop/server.py:8:12: RIA102 Async function calls `shop.prices.Prices.of`, which blocks in `urllib.request.urlopen`
    Found 2 errors (1 fixable with --fix --unsafe-fixes).
    "
    );
    insta::assert_snapshot!(shop.run_with_input(&["--isolated", "-"], SLEEPS), @r"
    exit code: 1
    ----- stdout -----
    RIA101 Async function calls `time.sleep`, which sleeps
     --> -:5:5
      |
    4 | async def f():
    5 |     time.sleep(1)
      |     ^^^^^^^^^^^^^
    help: Await `asyncio.sleep`
    1 + import asyncio
    2 | import time
      :
    5 | async def f():
      -     time.sleep(1)
    6 +     await asyncio.sleep(1)
    note: the fix may change what the program does: `--fix --unsafe-fixes` applies it

    Found 1 error (1 fixable with --fix --unsafe-fixes).
    ");
}

#[test]
fn names_of_functions_that_block_can_be_told() {
    let project = Project::new(&[
        ("pyproject.toml", "[tool.riata.check]\nnot-blocking = ['time.sleep']\nblocking = ['vendor.wait']\n"),
        ("a.py", "import time\nimport vendor\n\n\nasync def f():\n    time.sleep(1)\n    vendor.wait()\n"),
    ]);
    let found = found(&project, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("a.py:7:5: RIA101 "), "{found:?}");
}

#[test]
fn without_types_it_goes_by_names() {
    let found = places(&shop(), &["--isolated", "--no-types"]);
    assert!(found.contains(&"shop/server.py RIA101".to_owned()), "{found:?}");
}

#[test]
fn exit_zero_and_quiet() {
    let project = Project::new(&[("a.py", SLEEPS)]);
    let text = project.run(&["--isolated", "--exit-zero", "-q", "--output-format", "concise"]);
    insta::assert_snapshot!(text, @r"
    exit code: 0
    ----- stdout -----
    a.py:5:5: RIA101 Async function calls `time.sleep`, which sleeps
    ");
}

#[test]
fn verbose_says_what_is_used() {
    let project = Project::new(&[
        ("pyproject.toml", "[tool.riata.check]\n"),
        (".venv/pyvenv.cfg", "home = /nowhere\nversion = 3.13.1\n"),
        (".venv/lib/python3.13/site-packages/requests/__init__.py", ""),
        ("a.py", "x = 1\n"),
    ]);
    let text = project.run(&["-v"]);
    let (before, seconds) = text.split_once("checked 1 files in ").expect("the time");
    assert!(seconds.ends_with(" s\n"), "{seconds}");
    insta::assert_snapshot!(before, @r"
    exit code: 0
    ----- stdout -----
    All checks passed!
    ----- stderr -----
    note: settings from <root>/pyproject.toml
    note: environment <root>/.venv (Python 3.13)
    note: 
    ");
}
