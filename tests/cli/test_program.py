"""`riata run` starts a program as `python` does: what it sees of itself, what it prints, how it ends."""

import re
import signal
import zipfile

import pytest

from .conftest import PYTHON, RIATA

TELL = """\
import os, sys
print(__name__, __package__, __spec__ and __spec__.name, globals().get("__file__"))
print(sys.argv, sys.orig_argv, sys.path)
print(sys.modules["__main__"].__dict__ is globals(), sorted(globals()))
print(sys.modules["__main__"], __loader__.__class__)
print(sys.flags, sys.warnoptions, sys._xoptions)
"""


def test_script(same, write):
    write("app.py", TELL)
    outcome = same("app.py", "one", "-m", "--two", "")
    assert "__main__ None None" in outcome.out
    assert "['app.py', 'one', '-m', '--two', '']" in outcome.out


def test_script_elsewhere_and_behind_a_link(same, write, tmp_path):
    write("folder/app.py", TELL)
    (tmp_path / "link.py").symlink_to("folder/app.py")
    same("folder/app.py")
    same("link.py")
    same(str(tmp_path / "folder" / "app.py"))


def test_module(same, write):
    write("package/__init__.py", "print('package', __name__)")
    write("package/__main__.py", TELL)
    write("package/tool.py", TELL)
    assert "package.__main__" in same("-m", "package", "-x", "y").out
    assert "package.tool" in same("-m", "package.tool", "-m", "z").out
    same("-mpackage.tool", "-c")


def test_code(same):
    same("-c", TELL, "-c", "two")
    same("-cprint(1 + 1)")


def test_standard_input(same):
    same("-", "one", stdin=TELL)


def test_folder_and_zip_file(same, write, tmp_path):
    main = write("folder/__main__.py", TELL)
    same("folder", "one")
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.write(main, "__main__.py")
    same("app.zip", "one")


def test_interpreter_options(same, write):
    write("app.py", TELL)
    for options in [("-X", "dev"), ("-O", "-W", "error"), ("-u",), ("-X", "utf8=1", "-b")]:
        same("app.py", "one", options=options)


@pytest.mark.parametrize(
    "words",
    [
        ("-mriata",),
        ("-um", "riata"),
        ("-Bumriata",),
        ("-O", "-bm", "riata"),
        ("-Wdefault", "-m", "riata"),
    ],
)
def test_interpreter_options_in_one_word(run, write, words):
    write("app.py", TELL + "print(sys.flags)\n")
    options = {"-um": ["-u"], "-Bumriata": ["-Bu"], "-O": ["-O", "-b"], "-Wdefault": ["-Wdefault"]}
    expected = run((*PYTHON, *options.get(words[0], [])), "app.py", "one")
    assert run((*PYTHON, *words), "run", "app.py", "one") == expected


@pytest.mark.parametrize("paths", ["", ":", ":site", "site:", "site::site"])
def test_path_with_empty_entries(same, write, paths):
    """An empty entry is the current folder, which is not that of the script here."""
    write("site/else_.py", "")
    write("sub/app.py", "import sys; print(sys.path)\nimport helper\n")
    write("helper.py", "print('found')\n")
    assert ("found" in same("sub/app.py", env={"PYTHONPATH": paths}).out) == bool(paths)


def test_end_of_options(same, write):
    write("-app.py", TELL)
    assert same("--", "-app.py", "one").status == 0


def test_nothing_there(same, write, tmp_path):
    (tmp_path / "empty").mkdir()
    write("package/__init__.py", "")
    assert same("missing.py").status == 2
    assert "__main__" in same("empty").err
    assert "No module named" in same("-m", "missing").err
    assert same("-m", "package").status == 1


@pytest.mark.parametrize(
    "end",
    [
        "",
        "sys.exit()",
        "sys.exit(0)",
        "sys.exit(3)",
        "sys.exit(-1)",
        "sys.exit('a reason')",
        "sys.exit((1, 2))",
        "raise SystemExit",
        "os._exit(4)",
        "1 / 0",
        "raise KeyboardInterrupt",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "threading.Thread(target=fail).start()",
        "this is no Python",
    ],
)
def test_ends(same, write, end):
    text = "import atexit, os, signal, sys, threading\natexit.register(print, 'at exit')\n"
    write("app.py", f"{text}def fail():\n    raise ValueError('no')\n{end}\n")
    same("app.py")


@pytest.mark.parametrize(
    "error",
    ["ValueError('no')", "SystemExit(5)", "KeyboardInterrupt()", "asyncio.CancelledError()"],
)
def test_ends_within_asyncio(run, write, error):
    """The loops have frames of their own; the program's, the message and the status are the same."""
    write(
        "app.py",
        "import asyncio\n"
        f"async def inner():\n    raise {error}\n"
        "async def main():\n    await asyncio.create_task(inner())\n"
        "asyncio.run(main())\n",
    )
    expected, outcome = run(PYTHON, "app.py"), run(RIATA, "app.py")
    assert (outcome.status, outcome.out) == (expected.status, expected.out)
    assert traceback_of("app.py", outcome.err) == traceback_of("app.py", expected.err)
    # The loop's own frames may show, as asyncio's do; those of the `riata` command and its hook never.
    assert not re.search(r"riata/(cli|takeover|__main__|startup/sitecustomize)\.py", outcome.err)


def traceback_of(program: str, text: str) -> list[str]:
    """Return the frames of `program` in a traceback, and what is not a frame."""
    kept, ours = [], True
    for line in text.splitlines():
        if line.startswith("  File "):
            ours = program in line
        elif not line.startswith("    "):
            ours = True
        if ours:
            kept.append(line)
    return kept


def test_interrupt_ends_by_signal(same, write):
    write("app.py", "raise KeyboardInterrupt")
    assert same("app.py").status == -signal.SIGINT


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">/dev/full", "2>/dev/full", ">&- 2>&-"])
@pytest.mark.parametrize("loop", ["riata", "asyncio"])
def test_streams_that_nobody_reads_are_the_programs_to_find(run, write, redirection, loop):
    write("app.py", "import asyncio, os, sys\nasyncio.run(asyncio.sleep(0))\nos._exit(3)\n")
    shell = ("sh", "-c", f'exec "$@" {redirection}', "sh")
    assert run((*shell, *RIATA), "app.py", env={"RIATA_LOOP": loop}).status == 3
