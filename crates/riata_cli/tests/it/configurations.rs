//! Configurations in folders below the one that is checked.

use crate::project::Project;

const SLEEPS: &str = "import time\n\n\nasync def f():\n    time.sleep(1)\n";
const WAITS: &str = "import asyncio\n\n\nasync def f(g):\n    await asyncio.wait_for(g(), 1)\n";

fn found(project: &Project, arguments: &[&str]) -> Vec<String> {
    let arguments = [
        &["--no-cache", "--output-format", "concise", "-q"],
        arguments,
    ]
    .concat();
    let text = project.stdout(&arguments);
    text.lines()
        .filter_map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ").into())
        .collect()
}

#[test]
fn each_file_has_the_nearest_configuration() {
    let project = Project::new(&[
        (
            "pyproject.toml",
            "[tool.riata.check]\nignore = ['RIA101']\n",
        ),
        ("a.py", SLEEPS),
        (
            "sub/pyproject.toml",
            "[tool.riata.check]\nextend-exclude = ['generated']\nper-file-ignores = { 'tests/*' = ['RIA101'] }\n",
        ),
        ("sub/b.py", SLEEPS),
        ("sub/tests/c.py", SLEEPS),
        ("sub/generated/d.py", SLEEPS),
        ("generated/d.py", SLEEPS),
        (
            "sub/deep/pyproject.toml",
            "[tool.riata.check]\nselect = ['RIA2']\n",
        ),
        ("sub/deep/e.py", SLEEPS),
        // It says nothing of the checker, and is not even TOML.
        ("sub/data/pyproject.toml", "[tool"),
        ("sub/data/f.py", SLEEPS),
    ]);
    assert_eq!(
        found(&project, &[]),
        ["sub/b.py:5:5: RIA101", "sub/data/f.py:5:5: RIA101"]
    );
    // The command line goes first, and a configuration that is named is the only one.
    assert_eq!(
        found(&project, &["--select", "RIA101"]),
        [
            "a.py:5:5: RIA101",
            "generated/d.py:5:5: RIA101",
            "sub/b.py:5:5: RIA101",
            "sub/data/f.py:5:5: RIA101",
            "sub/deep/e.py:5:5: RIA101",
        ]
    );
    assert_eq!(found(&project, &["--config", "pyproject.toml"]), [""; 0]);
    assert_eq!(found(&project, &["--isolated"]).len(), 7);
    let settings = project.run(&["--show-settings"]);
    let nested = "\
nested-configurations = [
    \"<root>/sub/pyproject.toml\",
    \"<root>/sub/deep/pyproject.toml\",
]
";
    assert!(settings.contains(nested), "{settings}");
}

#[test]
fn mistakes_in_a_configuration_below_are_told() {
    let project = Project::new(&[
        ("a.py", ""),
        ("sub/pyproject.toml", "[tool.riata.check]\nselct = []\n"),
        ("sub/b.py", ""),
    ]);
    insta::assert_snapshot!(project.run(&[]), @r"
    exit code: 2
    ----- stderr -----
    error: <root>/sub/pyproject.toml:2:1: unknown key `selct`; did you mean `select`?
    ");
}

#[test]
fn each_file_runs_on_its_own_python() {
    let project = Project::new(&[
        (
            "pyproject.toml",
            "[tool.riata.check]\nselect = ['wait-for-on-old-python']\ntarget-version = 'py313'\n",
        ),
        ("a.py", WAITS),
        (
            "old/pyproject.toml",
            "[project]\nrequires-python = '>=3.8'\n[tool.riata.check]\nselect = ['wait-for-on-old-python']\n",
        ),
        ("old/b.py", WAITS),
    ]);
    let files = |arguments: &[&str]| {
        let found = found(&project, arguments);
        found
            .iter()
            .filter_map(|line| line.split(':').next().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(files(&[]), ["old/b.py"]);
    assert_eq!(files(&["--target-version", "py310"]), ["a.py", "old/b.py"]);
}

#[test]
fn what_blocks_blocks_for_all_configurations() {
    let project = Project::new(&[
        ("pyproject.toml", "[tool.riata.check]\n"),
        ("a.py", "import lib\n\n\nasync def f():\n    lib.query()\n"),
        (
            "sub/pyproject.toml",
            "[tool.riata.check]\nblocking = ['lib.query']\n",
        ),
        (
            "sub/b.py",
            "import lib\n\n\nasync def f():\n    lib.query()\n",
        ),
    ]);
    assert_eq!(
        found(&project, &[]),
        ["a.py:5:5: RIA101", "sub/b.py:5:5: RIA101"]
    );
}
