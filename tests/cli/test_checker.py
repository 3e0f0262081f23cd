"""`riata check` and `riata rule` become the checker, wherever that is installed."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from .conftest import Outcome

COMMAND = (sys.executable, "-m", "riata")
FAKE = """\
#!/bin/sh
echo "${0%/*}"
for argument in "$@"; do echo "<$argument>"; done
cat
exit 3
"""
# What the tests know of folders must not depend on whether the checker is installed where they run.
installed = Path(sysconfig.get_path("scripts"), "riata-check").exists()
nowhere = pytest.mark.skipif(installed, reason="riata-check is installed beside this Python")


@pytest.fixture
def checker(tmp_path):
    """Put a checker into a folder of the test that tells where it is and what it was given."""

    def put(folder):
        path = tmp_path / folder / "riata-check"
        path.parent.mkdir(parents=True)
        path.write_text(FAKE)
        path.chmod(0o755)
        return path

    return put


@pytest.fixture
def environment(tmp_path):
    """A home and a PATH without any checker."""
    return {
        "HOME": str(tmp_path / "home"),
        "PYTHONUSERBASE": str(tmp_path / "user"),
        "PATH": "/usr/bin:/bin",
    }


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        (("check",), ""),
        (("check", "--fix", "a b.py", "-"), "<--fix>\n<a b.py>\n<->\n"),
        (("check", "--help"), "<--help>\n"),
        (("rule", "RIA101"), "<rule>\n<RIA101>\n"),
        (("rule", "-h"), "<rule>\n<-h>\n"),
    ],
)
def test_arguments_input_and_status_are_the_checkers(run, checker, typed, given):
    path = checker("built")
    outcome = run(COMMAND, *typed, env={"RIATA_CHECK": str(path)}, stdin="x = 1\n")
    assert outcome == Outcome(3, f"{path.parent}\n{given}x = 1\n", "")


@nowhere
def test_found_on_path(run, checker, environment):
    path = checker("bin")
    environment["PATH"] += os.pathsep + str(path.parent)
    assert run(COMMAND, "check", env=environment) == Outcome(3, f"{path.parent}\n", "")


@nowhere
def test_the_users_own_goes_before_path(run, checker, environment):
    environment["PATH"] += os.pathsep + str(checker("bin").parent)
    code = (
        "import sysconfig; "
        "print(sysconfig.get_path('scripts', sysconfig.get_preferred_scheme('user')))"
    )
    folder = run((sys.executable,), "-c", code, env=environment).out.strip()
    path = checker(folder)
    assert run(COMMAND, "check", env=environment) == Outcome(3, f"{path.parent}\n", "")


def test_that_of_the_environment_goes_first(run, checker, environment, tmp_path):
    environment["PATH"] += os.pathsep + str(checker("bin").parent)
    path = checker("venv/bin")
    # An environment, as far as sysconfig looks.
    (tmp_path / "venv/pyvenv.cfg").write_text(
        f"home = {os.path.dirname(os.path.realpath(sys.executable))}\n"
    )
    python = tmp_path / "venv/bin/python"
    python.symlink_to(os.path.realpath(sys.executable))
    packages = next(path for path in sys.path if Path(path, "riata", "cli.py").is_file())
    environment["PYTHONPATH"] = packages
    outcome = run((str(python), "-m", "riata"), "check", env=environment)
    assert outcome == Outcome(3, f"{path.parent}\n", "")


@nowhere
@pytest.mark.parametrize("command", ["check", "rule"])
def test_not_installed(run, environment, command):
    outcome = run(COMMAND, command, "src", env=environment)
    first, hint = outcome.err.splitlines()
    assert (outcome.status, outcome.out) == (2, "")
    assert first == "riata: `riata-check` is not installed: it is a package of its own"
    assert "pip install 'riata[check]'" in hint
    assert "cargo install" in hint


def test_not_to_be_run(run, tmp_path):
    path = tmp_path / "riata-check"
    shutil.copy(__file__, path)
    outcome = run(COMMAND, "check", env={"RIATA_CHECK": str(path)})
    first, hint = outcome.err.splitlines()
    assert (outcome.status, first) == (2, f"riata: cannot run {path}: Permission denied")
    assert hint.startswith("hint: install it anew: ")


def test_listed_in_the_help(run):
    out = run(COMMAND, "--help").out
    assert "find the mistakes of async Python" in out
    assert "explain a rule" in out
