"""Runs a command line with `python` and with `riata run`, and expects the same of both."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PYTHON = (sys.executable,)
RIATA = (sys.executable, "-m", "riata", "run")
TIME_LIMIT = 120


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


Run = Callable[..., Outcome]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without what would change how riata or Python runs."""
    unwanted = ("RIATA", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONWARNINGS")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
    extra = dict(extra or {})
    if "PYTHONPATH" in extra and "PYTHONPATH" in kept:
        extra["PYTHONPATH"] = os.pathsep.join([extra["PYTHONPATH"], kept["PYTHONPATH"]])
    return kept | extra


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command in `tmp_path`: `run(RIATA, "app.py", "arg", env=..., stdin=...)`."""

    def run(
        launcher: tuple[str, ...],
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> Outcome:
        done = subprocess.run(
            [*launcher, *arguments],
            cwd=tmp_path,
            env=clean_environment(env),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def same(run: Run) -> Run:
    """Run a command line with `python` and with `riata run`; return the outcome, which must be one and the same."""

    def same(
        *arguments: str,
        options: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> Outcome:
        expected = run((*PYTHON, *options), *arguments, env=env, stdin=stdin)
        outcome = run((*PYTHON, *options, "-m", "riata", "run"), *arguments, env=env, stdin=stdin)
        assert outcome == expected
        return outcome

    return same


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file of the program under test: `write("package/__main__.py", text)`."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write
