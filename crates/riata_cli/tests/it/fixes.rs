//! Fixing files, showing what would be fixed, and holding findings against a baseline.

use crate::project::Project;

/// One suppression is used, the other is not.
const TEXT: &str =
    "import time\n\n\nasync def f():\n    time.sleep(1)\n    x = 1  # riata: ignore[RIA102]\n";

#[test]
fn a_diff_writes_nothing() {
    let project = Project::new(&[("a.py", TEXT), ("b.py", "x = 1\n")]);
    insta::assert_snapshot!(project.run(&["--isolated", "--diff"]), @r"
    exit code: 1
    ----- stdout -----
    --- a.py
    +++ a.py
    @@ -3,4 +3,4 @@
     
     async def f():
         time.sleep(1)
    -    x = 1  # riata: ignore[RIA102]
    +    x = 1
    ----- stderr -----
    note: --fix would fix 1 error in 1 file
    ");
    assert_eq!(
        std::fs::read_to_string(project.path("a.py")).expect("it is there"),
        TEXT
    );
    insta::assert_snapshot!(project.run(&["--isolated", "--diff", "b.py"]), @r"
    exit code: 0
    ----- stderr -----
    note: there is nothing to fix
    ");
}

#[test]
fn fixes_are_written_and_the_rest_is_reported() {
    let project = Project::new(&[("a.py", TEXT)]);
    insta::assert_snapshot!(project.run(&["--isolated", "--fix", "--output-format", "concise"]), @r"
    exit code: 1
    ----- stdout -----
    a.py:5:5: RIA101 Async function calls `time.sleep`, which sleeps
    Found 1 error (1 fixable with --fix --unsafe-fixes).
    ----- stderr -----
    note: fixed 1 error in 1 file
    ");
    let text = std::fs::read_to_string(project.path("a.py")).expect("it is there");
    assert_eq!(text, TEXT.replace("  # riata: ignore[RIA102]", ""));
}

#[test]
fn standard_input_is_fixed_to_standard_output() {
    let project = Project::new(&[]);
    let run = |arguments: &[&str], text: &str| project.run_with_input(arguments, text);
    insta::assert_snapshot!(run(&["--isolated", "--fix", "-"], "x = 1  # noqa: RIA101\n"), @r"
    exit code: 0
    ----- stdout -----
    x = 1
    ");
    insta::assert_snapshot!(run(&["--isolated", "--fix", "-"], "x = 1\n"), @r"
    exit code: 0
    ----- stdout -----
    x = 1
    ");
}

#[test]
fn a_baseline_hides_what_is_known() {
    let project = Project::new(&[("a.py", TEXT)]);
    insta::assert_snapshot!(project.run(&["--isolated", "--write-baseline", "known.json"]), @r"
    exit code: 0
    ----- stderr -----
    note: wrote 2 findings to <root>/known.json
    ");
    insta::assert_snapshot!(project.run(&["--isolated", "--baseline", "known.json"]), @r"
    exit code: 0
    ----- stdout -----
    All checks passed!
    ");
    project.write(
        "a.py",
        "import time\n\n\nasync def f():\n    time.sleep(2)\n",
    );
    let arguments = [
        "--isolated",
        "--baseline",
        "known.json",
        "--output-format",
        "concise",
    ];
    insta::assert_snapshot!(project.run(&arguments), @r"
    exit code: 1
    ----- stdout -----
    a.py:5:5: RIA101 Async function calls `time.sleep`, which sleeps
    Found 1 error (1 fixable with --fix --unsafe-fixes).
    ----- stderr -----
    note: 2 entries of the baseline `known.json` are no longer found
    ");
    project.write("known.json", "{}");
    insta::assert_snapshot!(project.run(&["--isolated", "--baseline", "known.json"]), @r"
    exit code: 2
    ----- stderr -----
    error: `<root>/known.json` is no baseline: it has no `version`
    hint: `--write-baseline` makes a new one
    ");
}

#[test]
fn the_configuration_may_name_the_baseline() {
    let project = Project::new(&[
        (
            "pyproject.toml",
            "[tool.riata.check]\nbaseline = 'known.json'\n",
        ),
        ("a.py", TEXT),
    ]);
    project.run(&["--write-baseline", "known.json"]);
    insta::assert_snapshot!(project.run(&[]), @r"
    exit code: 0
    ----- stdout -----
    All checks passed!
    ");
    // What is known is left alone.
    insta::assert_snapshot!(project.run(&["--fix"]), @r"
    exit code: 0
    ----- stdout -----
    All checks passed!
    ");
    assert_eq!(
        std::fs::read_to_string(project.path("a.py")).expect("it is there"),
        TEXT
    );
}

#[test]
fn a_baseline_is_for_one_project() {
    let toml = "[tool.riata.check]\n";
    let files = [
        ("a/pyproject.toml", toml),
        ("a/a.py", TEXT),
        ("b/pyproject.toml", toml),
        ("b/b.py", TEXT),
    ];
    let project = Project::new(&files);
    insta::assert_snapshot!(project.run(&["--write-baseline", "known.json", "a", "b"]), @r"
    exit code: 2
    ----- stderr -----
    error: a baseline is for one project, and the paths belong to several: `<root>/a`, `<root>/b`
    hint: check one at a time, or name the baseline in its configuration
    ");
}
