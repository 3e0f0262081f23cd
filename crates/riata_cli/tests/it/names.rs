//! The names that modules have.

use crate::project::Project;

/// In a src layout a file has one name, whichever way it is imported.
#[test]
fn modules_are_named_from_the_nearest_source_root() {
    let project = Project::new(&[
        ("src/acme/__init__.py", ""),
        (
            "src/acme/helper.py",
            "import time\n\n\ndef rest():\n    time.sleep(1)\n",
        ),
        (
            "src/acme/one.py",
            "from . import helper\n\n\nasync def f():\n    helper.rest()\n",
        ),
        (
            "src/acme/two.py",
            "from acme.helper import rest\n\n\nasync def f():\n    rest()\n",
        ),
        (
            "three.py",
            "from src.acme.helper import rest\n\n\nasync def f():\n    rest()\n",
        ),
    ]);
    for file in ["src/acme/one.py", "src/acme/two.py", "three.py"] {
        let text = project.stdout(&[
            "--no-cache",
            "--isolated",
            "--output-format",
            "concise",
            "-q",
            file,
            "src/acme/helper.py",
        ]);
        let expected = format!(
            "{file}:5:5: RIA102 Async function calls `acme.helper.rest`, which blocks in `time.sleep`\n"
        );
        assert_eq!(text, expected);
    }
}

/// A folder without `__init__.py` is a part of the package that it is in, whatever packages it holds itself.
#[test]
fn a_part_of_a_package_is_no_source_root() {
    let project = Project::new(&[
        ("acme/__init__.py", ""),
        ("acme/core/deep/__init__.py", ""),
        (
            "acme/core/helper.py",
            "import time\n\n\ndef rest():\n    time.sleep(1)\n",
        ),
        (
            "acme/one.py",
            "from acme.core.helper import rest\n\n\nasync def f():\n    rest()\n",
        ),
    ]);
    let text = project.stdout(&[
        "--no-cache",
        "--isolated",
        "--output-format",
        "concise",
        "-q",
        "acme",
    ]);
    assert_eq!(
        text,
        "acme/one.py:5:5: RIA102 Async function calls `acme.core.helper.rest`, which blocks in `time.sleep`\n"
    );
}
