//! What is said when something cannot be done.

use crate::project::Project;

const SLEEPS: &str = "import time\n\n\nasync def f():\n    time.sleep(1)\n";

fn configured(text: &str) -> String {
    Project::new(&[("pyproject.toml", text), ("a.py", "")]).run(&[])
}

#[test]
fn mistakes_in_a_configuration() {
    insta::assert_snapshot!(configured("[tool.riata.check]\nselct = ['RIA1']\n"), @r"
    exit code: 2
    ----- stderr -----
    error: <root>/pyproject.toml:2:1: unknown key `selct`; did you mean `select`?
    ");
    insta::assert_snapshot!(configured("[tool.riata.check]\nselect = 'RIA1'\n"), @r"
    exit code: 2
    ----- stderr -----
    error: <root>/pyproject.toml:2:10: `select` is a list of strings, not a string
    ");
    insta::assert_snapshot!(configured("[tool.riata.check]\nselect = ['RIA01']\n"), @r"
    exit code: 2
    ----- stderr -----
    error: <root>/pyproject.toml: `RIA01` is no rule; did you mean `RIA001`?
    ");
    insta::assert_snapshot!(configured("[tool.riata]\ncheck = 1\n"), @r"
    exit code: 2
    ----- stderr -----
    error: <root>/pyproject.toml:2:9: `tool.riata.check` is a table, not an integer
    ");
    insta::assert_snapshot!(configured("[tool.riata.check]\nexclude = ['a[']\n"));
    insta::assert_snapshot!("not_toml", configured("[tool.riata.check\n"));
    insta::assert_snapshot!(
        "no_source_root",
        configured("[tool.riata.check]\nsrc = ['lib']\n")
    );
    insta::assert_snapshot!(
        "no_environment",
        configured("[tool.riata.check]\npython = '.venv'\n")
    );
}

#[test]
fn tables_with_other_names() {
    let said = |text: &str| {
        let said = configured(text);
        let (code, message) = said.split_once("\n----- stderr -----\n").expect("an error");
        assert_eq!(code, "exit code: 2", "{text}");
        message.replace("error: <root>/pyproject.toml:", "")
    };
    insta::assert_snapshot!(said("[tool.riata.chek]\n"), @"1:13: unknown key `tool.riata.chek`; did you mean `tool.riata.check`?");
    insta::assert_snapshot!(said("[tool.riata]\nselect = []\n"), @"2:1: unknown key `tool.riata.select`; did you mean `tool.riata.check.select`?");
    insta::assert_snapshot!(said("[tool.riata.other]\n"), @"1:13: unknown key `tool.riata.other`; hint: the settings are in `tool.riata.check`");
    insta::assert_snapshot!(said("[tool.riata-check]\n"), @"1:7: unknown key `tool.riata-check`; did you mean `tool.riata.check`?");
    insta::assert_snapshot!(said("[tool]\nriata = 3\n"), @"2:9: `tool.riata` is a table, not an integer");
    insta::assert_snapshot!(said("tool = 3\n"), @"1:8: `tool` is a table, not an integer");
}

#[test]
fn a_python_that_is_not_told_matters_where_it_is_asked_for() {
    insta::assert_snapshot!(configured("[project]\nrequires-python = '^3.8'\n[tool.riata.check]\n"), @r"
    exit code: 2
    ----- stderr -----
    error: <root>/pyproject.toml:2:19: `project.requires-python`: `^3.8` is no version specifier; write it as in `>=3.10,<4`
    hint: mend it, or set `target-version` in `tool.riata.check`
    ");
    insta::assert_snapshot!(configured("[project]\nrequires-python = 3.8\n"), @r"
    exit code: 0
    ----- stdout -----
    All checks passed!
    ----- stderr -----
    warning: <root>/pyproject.toml:2:19: `project.requires-python` is a string, not a float
    ");
}

#[test]
fn a_pattern_that_is_none_is_told_with_where_it_stands() {
    let project = Project::new(&[("pyproject.toml", "[tool.riata.check]\n"), ("a.py", "")]);
    insta::assert_snapshot!(project.run(&["--exclude", "a["]), @r"
    exit code: 2
    ----- stderr -----
    error: `--exclude`: `a[` is no pattern: unclosed character class; missing ']'
    ");
    insta::assert_snapshot!(project.run(&["--per-file-ignores", "a[:RIA1"]), @r"
    exit code: 2
    ----- stderr -----
    error: `--per-file-ignores`: `a[` is no pattern: unclosed character class; missing ']'
    ");
    insta::assert_snapshot!(project.run(&["--config", "blocking = ['a.b()']"]), @r"
    exit code: 2
    ----- stderr -----
    error: `--config`: `blocking`: `a.b()` is no name of a function; write it as in `shop.db.query`
    ");
}

#[test]
fn mistakes_on_the_command_line() {
    let project = Project::new(&[("a.py", "")]);
    insta::assert_snapshot!(project.run(&["--isolated", "b.py"]), @r"
    exit code: 2
    ----- stderr -----
    error: no such file or folder: <root>/b.py
    ");
    insta::assert_snapshot!(project.run(&["--isolated", "--select", "E501"]), @r"
    exit code: 2
    ----- stderr -----
    error: `E501` is no rule; hint: `riata-check rule` lists them
    ");
    insta::assert_snapshot!(project.run(&["--config", "targt-version = 'py310'"]), @r"
    exit code: 2
    ----- stderr -----
    error: `--config`: unknown key `targt-version`; did you mean `target-version`?
    ");
    insta::assert_snapshot!(project.run(&["--config", "nowhere.toml"]));
    insta::assert_snapshot!("unknown_format", project.run(&["--output-format", "xml"]));
    insta::assert_snapshot!("unknown_version", project.run(&["--target-version", "py2"]));
    insta::assert_snapshot!(
        "no_python",
        project.run(&["--isolated", "--python", "venv"])
    );
    insta::assert_snapshot!(
        "no_rule_in_pattern",
        project.run(&["--per-file-ignores", "tests"])
    );
}

#[test]
fn a_file_that_cannot_be_checked_does_not_end_the_run() {
    let project = Project::new(&[("a.py", SLEEPS)]);
    std::fs::write(project.path("b.py"), b"async def f(): x = '\xff'\n").expect("written");
    let text = project.run(&["--isolated", "--output-format", "concise"]);
    insta::assert_snapshot!(text);
    let text = project.run(&["--isolated", "--output-format", "concise", "--exit-zero"]);
    assert!(text.starts_with("exit code: 0\n"), "{text}");
}

#[cfg(unix)]
#[test]
fn links_that_lead_in_circles_are_told() {
    use std::os::unix::fs::symlink;
    let project = Project::new(&[("pkg/a.py", SLEEPS)]);
    symlink(project.path("pkg"), project.path("pkg/again")).expect("made");
    symlink(project.path("loop.py"), project.path("loop.py")).expect("made");
    symlink(project.path("pkg/a.py"), project.path("pkg/link.py")).expect("made");
    insta::assert_snapshot!(project.run(&["--isolated", "--output-format", "concise"]), @r"
    exit code: 1
    ----- stdout -----
    pkg/a.py:5:5: RIA101 Async function calls `time.sleep`, which sleeps
    pkg/link.py:5:5: RIA101 Async function calls `time.sleep`, which sleeps
    Found 2 errors (2 fixable with --fix --unsafe-fixes).
    ");
    insta::assert_snapshot!(project.run(&["--isolated", "loop.py"]), @r"
    exit code: 2
    ----- stderr -----
    warning: loop.py: too many levels of symbolic links
    ");
}

#[test]
fn a_folder_without_python_is_told() {
    let project = Project::new(&[("a.txt", "")]);
    insta::assert_snapshot!(project.run(&["--isolated"]), @r"
    exit code: 0
    ----- stdout -----
    All checks passed!
    ----- stderr -----
    warning: no Python files found under the given paths
    ");
}

#[test]
fn a_baseline_that_is_none_is_told() {
    let project = Project::new(&[("a.py", "")]);
    let said = |text: &str| {
        project.write("known.json", text);
        let said = project.run(&["--isolated", "--baseline", "known.json"]);
        said.lines().nth(2).unwrap_or_default().to_owned()
    };
    insta::assert_snapshot!(said("[]"), @"error: `<root>/known.json` is no baseline: it has no `version`");
    insta::assert_snapshot!(said("{'version': 2, 'results': {}}".replace('\'', "\"").as_str()), @"error: `<root>/known.json` is a baseline of version 2, not 1");
    insta::assert_snapshot!(said("{"), @"error: `<root>/known.json` is no baseline: EOF while parsing an object at line 1 column 1");
    let said = project.run(&["--isolated", "--baseline", "nowhere.json"]);
    insta::assert_snapshot!(said, @r"
    exit code: 2
    ----- stderr -----
    error: cannot read the baseline `<root>/nowhere.json`: no such file or directory
    ");
}
