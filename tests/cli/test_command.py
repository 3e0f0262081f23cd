"""The `riata` command itself: versions, help, and what it says about mistakes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import riata

from .conftest import Outcome

COMMAND = (sys.executable, "-m", "riata")


def test_version(run):
    outcome = run(COMMAND, "--version")
    assert (outcome.status, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    version = run((sys.executable,), "-c", "import riata; print(riata.__version__)").out.strip()
    assert lines[0] == f"riata {version}"
    assert (
        lines[1] == f"python {'.'.join(map(str, sys.version_info[:3]))} (CPython, {sys.executable})"
    )
    assert lines[2].startswith("build release for ")
    assert lines[3] == f"driver {'epoll' if sys.platform == 'linux' else 'kqueue'}"
    assert len(lines) == 4


def test_version_tells_that_riata_is_off(run):
    assert run(COMMAND, "--version", env={"RIATA_LOOP": "asyncio"}).out.endswith("\nloop asyncio\n")


@pytest.mark.parametrize("options", [("--version",), ()])
def test_nobody_takes_the_output(options):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, *options], stdout=full, stderr=subprocess.PIPE, text=True)
    complaint = "riata: standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, complaint)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*COMMAND, *options], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_help(run):
    assert "run a program on riata's event loop" in run(COMMAND, "--help").out
    for option in "-h", "--help":
        outcome = run(COMMAND, "run", option)
        assert outcome.status == 0
        assert "riata run [--native] [--dump-on SIGNAL] -m MODULE [ARG ...]" in outcome.out


def test_nothing(run):
    outcome = run(COMMAND)
    assert outcome.status == 2
    assert "usage: riata" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "nothing to run"),
        (("run", ""), "nothing to run"),
        (("run", "-m"), "`riata run -m` lacks a module name"),
        (("run", "-c"), "`riata run -c` lacks the code to run"),
        (("run", "--"), "nothing to run"),
        (("run", "-X", "dev", "app.py"), "unknown option `-X`"),
        (("run", "--debug", "app.py"), "unknown option `--debug`"),
    ],
)
def test_mistakes(run, arguments, message):
    outcome = run(COMMAND, *arguments)
    first, hint = outcome.err.splitlines()
    assert (outcome.status, outcome.out, first) == (2, "", f"riata: {message}")
    assert hint.startswith("hint: ")


def test_unknown_command(run):
    outcome = run(COMMAND, "ran", "app.py")
    assert outcome.status == 2
    assert "invalid choice: 'ran'" in outcome.err


def test_python_that_ignores_the_environment(run):
    where = str(Path(riata.__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {where!r}); from riata.cli import main; sys.exit(main(['run', 'x']))"
    for option in "-I", "-E", "-S":
        outcome = run((sys.executable, option), "-c", code)
        assert outcome.status == 2
        assert f"`riata run` does not work under `python {option}`" in outcome.err


def test_import_has_no_side_effect(run):
    code = (
        "import sys; before = set(sys.modules); import riata; "
        "print(sorted(n for n in set(sys.modules) - before if n.partition('.')[0] in ('riata', 'asyncio')))"
    )
    assert run((sys.executable, "-W", "error"), "-c", code) == Outcome(0, "['riata']\n", "")


def test_loading_every_name_leaves_asyncio_alone(run):
    """But for two functions of its call graph (3.14), which are to know riata's futures too."""
    code = (
        "import asyncio; names = [(m, n, v) for m in (asyncio, asyncio.events) for n, v in vars(m).items()\n"
        "    if not n.endswith('_awaited_by')]\n"
        "from riata import *\n"
        "import riata\n"
        "assert all(getattr(m, n) is v for m, n, v in names)\n"
        "assert set(riata.__all__) <= set(dir(riata)) and all(hasattr(riata, n) for n in riata.__all__)\n"
        "loop = asyncio.new_event_loop(); print(type(loop).__module__); loop.close()\n"
    )
    outcome = run((sys.executable, "-W", "error"), "-c", code)
    assert outcome == Outcome(0, "asyncio.unix_events\n", "")


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'riata' has no attribute 'Nope'"):
        _ = riata.Nope
