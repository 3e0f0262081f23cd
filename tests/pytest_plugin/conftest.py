"""Projects that a pytest of their own runs. One run serves many tests here: starting pytest is what takes the time."""

import functools
import importlib.metadata
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import pytest

# `pip install` and `make build` register the plugin; a source folder on the path does not.
REGISTERED = any(
    entry.name == "riata" for entry in importlib.metadata.entry_points(group="pytest11")
)


@dataclass
class Result:
    """What pytest said."""

    status: int
    text: str
    outcomes: "dict[str, list[str]]"  # by the name of the test: those of its phases

    def section(self, title: str) -> str:
        """What stands under a heading that ends so, such as "test_name" or "ERROR at setup of test_name"."""
        found = re.search(
            rf"^_+ {re.escape(title)} _+\n(.*?)(?=^[_=]{{3,}} |\Z)", self.text, re.M | re.S
        )
        assert found is not None, f"nothing on {title} in:\n{self.text}"
        return found[1]


def run_pytest(
    folder, text, *arguments, ini="", conftest="", riding=True, riata=True, others=False
):
    """Run pytest on a test file, with pytest-asyncio or without; with hypothesis' and anyio's plugins, which take a second to load, if wanted."""
    lines = ["[pytest]", "asyncio_mode = auto"]
    if riding:
        lines.append("asyncio_default_fixture_loop_scope = function")
    if riata:
        lines.append("riata_loop = true")
    folder.joinpath("pytest.ini").write_text("\n".join([*lines, textwrap.dedent(ini)]))
    folder.joinpath("conftest.py").write_text(textwrap.dedent(conftest))
    folder.joinpath("test_it.py").write_text(textwrap.dedent(text))
    plugins = [] if REGISTERED else ["-p", "riata.pytest_plugin"]
    if not riding:
        plugins += ["-p", "no:asyncio"]
    if not others:
        plugins += ["-p", "no:hypothesispytest", "-p", "no:anyio"]
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:timeout"]
    ended = subprocess.run(
        [*command, *plugins, *arguments, "test_it.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    outcomes: dict[str, list[str]] = {}
    for line in ended.stdout.splitlines():
        found = re.match(r"test_it\.py::(\S+) (PASSED|FAILED|ERROR|SKIPPED|XFAIL)", line)
        if found:
            outcomes.setdefault(found[1], []).append(found[2])
    return Result(ended.returncode, ended.stdout, outcomes)


@pytest.fixture
def project(tmp_path):
    """`project(text_of_the_test_file, *arguments, ini=…, conftest=…, riding=…, riata=…, others=…)`."""
    return functools.partial(run_pytest, tmp_path)


@pytest.fixture(scope="module", params=["pytest-asyncio", "standalone"])
def ran(request, tmp_path_factory):
    """The run of the module's `PROJECT` with the arguments `ARGUMENTS`, with pytest-asyncio and without."""
    folder = tmp_path_factory.mktemp("project")
    return run_pytest(
        folder,
        request.module.PROJECT,
        *getattr(request.module, "ARGUMENTS", ()),
        ini=getattr(request.module, "INI", ""),
        conftest=getattr(request.module, "CONFTEST", ""),
        riding=request.param == "pytest-asyncio",
        others=getattr(request.module, "OTHERS", False),
    )
