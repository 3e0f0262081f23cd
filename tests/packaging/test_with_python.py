"""`scripts/with-python` finds the version that it was asked for, and hands over arguments and status."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = str(Path(__file__).parents[2] / "scripts" / "with-python")
HERE = "{}.{}".format(*sys.version_info[:2])


def with_python(*arguments, **env):
    directory = str(Path(sys.executable).parent)
    path = os.pathsep.join([directory, os.environ["PATH"]])
    return subprocess.run(
        [SCRIPT, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, **env},
        timeout=60,
    )


def test_finds_this_python_and_runs_a_command():
    shell = '"$PYTHON" -c "import sys; print(sys.version_info[:2], sys.argv[1:])" "$@"; exit 3'
    done = with_python(HERE, "sh", "-c", shell, "sh", "one two", "")
    assert done.stdout == f"{sys.version_info[:2]} ['one two', '']\n"
    assert (done.returncode, done.stderr) == (3, "")


def test_passes_by_an_interpreter_that_does_not_work(tmp_path):
    """As pyenv's shims of versions that are not active."""
    shim = tmp_path / f"python{HERE}"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = with_python("--where", HERE, PATH=path)
    assert done.returncode == 0
    assert Path(done.stdout.strip()).resolve() != shim


def test_python_that_is_not_there(tmp_path):
    done = with_python("--where", "3.2", RIATA_PYTHON_ROOTS=str(tmp_path))
    assert (done.returncode, done.stdout) == (
        1,
        f"none yet; would be made in {tmp_path}/python-3.2\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_usage():
    for arguments in [(), ("3.11",), ("three", "true"), ("--where",)]:
        done = with_python(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "scripts/with-python VERSION COMMAND" in done.stderr
