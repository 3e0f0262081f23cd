"""Run other projects' own test suites, first on asyncio and then on riata, and tell where they differ.

    python scripts/suites/run.py [SUITE ...]       (`make suites`; no name means all of table.py)

Nothing of a project is kept in this repository: its source distribution and what its tests need are downloaded from
PyPI, into a virtual environment of its own under target/suites. The suite is not changed. On riata it is started by
`riata run -m pytest`, which puts riata behind asyncio's names, also in the Pythons that the tests start; with --plugin,
by pytest with riata's plugin, and the suites are those that use pytest-asyncio, its own among them: also the runs of
pytest that their tests make have the plugin (`make suites-plugin`).

A test that passes on asyncio and not on riata is run once more, alone: if it passes then, it is called flaky. Otherwise,
unless table.py says why it has to differ, and when fewer tests than the suite's floor ran on riata's loop, the exit
status is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from table import AS_OF, SUITES, Suite

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "suites" / "python{}.{}".format(*sys.version_info)
TEST_LIMIT = 60  # seconds
GOOD = ("passed", "xfailed")
RETRIES = 40  # more differences than that are not flakiness


@dataclass(frozen=True)
class Start:
    """How a suite is started: arguments of Python, before those of pytest, and variables."""

    arguments: tuple[str, ...] = ("-m", "pytest")
    variables: dict[str, str] = field(default_factory=dict)


ASYNCIO = Start()
RUN = Start(("-m", "riata", "run", "-m", "pytest"))
PLUGIN = Start(variables={"PYTEST_PLUGINS": "riata.pytest_plugin,riata_suites_on"})


class SuiteError(Exception):
    """The suite could not be run; the message says why."""


@dataclass
class Result:
    """What one suite did on both loops."""

    differences: dict[str, str]  # node id -> why
    explained: dict[str, str]  # those that the table knows
    flaky: list[str]
    asyncio: dict[str, dict[str, Any]]
    riata: dict[str, dict[str, Any]]

    def on(self, loop: str) -> int:
        entries = self.riata if loop == "riata" else self.asyncio
        return sum(loop in entry.get("loops", ()) for entry in entries.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    names = [suite.name for suite in SUITES]
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(names))
    parser.add_argument(
        "--plugin",
        action="store_true",
        help="run those that use pytest-asyncio by riata's pytest plugin, not by `riata run`",
    )
    parser.add_argument("-k", metavar="EXPRESSION", help="only these tests (no floor then)")
    arguments = parser.parse_args()
    if unknown := set(arguments.suites) - set(names):
        parser.error(f"unknown suites: {', '.join(sorted(unknown))}; known: {', '.join(names)}")

    failed = []
    for suite in SUITES:
        if arguments.suites and suite.name not in arguments.suites:
            continue
        if not (suite.by_plugin if arguments.plugin else suite.by_run):
            continue
        title = f"{suite.name} {suite.version}"
        oldest, newest = suite.python
        if not oldest <= sys.version_info[:2] < newest:
            print(f"{title}: not for this Python", flush=True)
            continue
        began = time.monotonic()
        try:
            result = compare(suite, arguments.k, PLUGIN if arguments.plugin else RUN)
        except SuiteError as error:
            print(f"{title}: NOT RUN: {error}", flush=True)
            failed.append(suite.name)
            continue
        floor = suite.floor
        if arguments.plugin and suite.plugin_floor is not None:
            floor = suite.plugin_floor
        if arguments.k is not None:
            floor = 0
        if not report(suite, result, time.monotonic() - began, floor):
            failed.append(suite.name)
    if failed:
        print(f"differ or did not run: {', '.join(failed)}")
    return 1 if failed else 0


def report(suite: Suite, result: Result, seconds: float, floor: int) -> bool:
    """Print what came out, and tell whether it is as on asyncio."""
    count = {
        loop: sum(entry["outcome"] in GOOD for entry in entries.values())
        for loop, entries in (("asyncio", result.asyncio), ("riata", result.riata))
    }
    print(
        f"{suite.name} {suite.version}: {count['asyncio']} of {len(result.asyncio)} pass on asyncio, "
        f"{count['riata']} on riata; {result.on('asyncio')} ran asyncio's loop, "
        f"{result.on('riata')} riata's ({seconds:.0f} s)",
        flush=True,
    )
    for test in result.flaky:
        print(f"  flaky: {test}")
    for test, why in result.explained.items():
        print(f"  different, and known: {test}: {why}")
    for test, why in result.differences.items():
        print(f"  DIFFERENT: {test}")
        print("".join(f"    | {line}\n" for line in why.splitlines()[-12:]), end="")
    enough = result.on("riata") >= floor
    if not enough:
        print(f"  TOO FEW: {floor} at least are to run on riata's loop")
    sys.stdout.flush()
    return enough and not result.differences


def compare(suite: Suite, keyword: str | None, on_riata: Start) -> Result:
    folder = WORK / suite.folder
    folder.mkdir(parents=True, exist_ok=True)
    python = environment(suite, folder)
    source = unpack(suite, folder, python)
    options = list(suite.options)
    for test in suite.leave_out:
        options += ["--deselect", test]
    tests = [*suite.tests, *options, *(["-k", keyword] if keyword else [])]
    outcomes = {
        loop: run(suite, python, source, folder / f"{loop}.jsonl", start, tests)
        for loop, start in (("asyncio", ASYNCIO), ("riata", on_riata))
    }
    if not outcomes["asyncio"]:
        raise SuiteError(f"no test ran on asyncio, see {folder / 'asyncio.log'}")
    suspects = {
        test: outcomes["riata"].get(test, {"outcome": "was not run"})
        for test, entry in outcomes["asyncio"].items()
        if entry["outcome"] in GOOD and outcomes["riata"].get(test, {}).get("outcome") not in GOOD
    }
    flaky, differences, explained = [], {}, {}
    known = suite.plugin_differs if on_riata is PLUGIN else {}
    for number, (test, entry) in enumerate(suspects.items()):
        if test in known:
            explained[test] = known[test]
            continue
        if number < RETRIES:
            again = run(suite, python, source, folder / "again.jsonl", on_riata, [test, *options])
            if again.get(test, {}).get("outcome") in GOOD:
                flaky.append(test)
                continue
        # "began": the process ended within it
        differences[test] = entry.get("why", entry["outcome"])
    for test in known.keys() - explained.keys():
        if keyword is None:
            differences[test] = "does not differ, and table.py says that it does"
    return Result(differences, explained, flaky, outcomes["asyncio"], outcomes["riata"])


def environment(suite: Suite, folder: Path) -> Path:
    """Return the interpreter of the suite's virtual environment, which has riata and what the tests need."""
    wanted = [
        f"{suite.name}{'[' + suite.extras + ']' if suite.extras else ''}=={suite.version}",
        *suite.requires,
        "pytest",
        "pytest-timeout",
    ]
    python, stamp = folder / "venv" / "bin" / "python", folder / "venv" / ".ready"
    if stamp.exists() and stamp.read_text() == "\n".join([AS_OF, *wanted]):
        return python
    call(sys.executable, "-m", "venv", "--clear", str(folder / "venv"), log=folder / "install.log")
    install = (str(python), "-m", "pip", "install", "-q")
    call(*install, "--upgrade", "pip>=26.2", log=folder / "install.log")
    call(*install, f"--uploaded-prior-to={AS_OF}", *wanted, log=folder / "install.log")
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "riata-suites.pth").write_text(f"{ROOT / 'python'}\n")
    stamp.write_text("\n".join([AS_OF, *wanted]))
    return python


def unpack(suite: Suite, folder: Path, python: Path) -> Path:
    """Return the folder with the project's source distribution, fresh from its archive."""
    archives = folder / "archive"
    found = list(archives.glob(f"*-{suite.version}.tar.gz"))
    if not found:
        requirement = f"{suite.name}=={suite.version}"
        options = ["--no-deps", "--no-binary", suite.name, "-d", str(archives)]
        call(
            str(python),
            "-m",
            "pip",
            "download",
            "-q",
            *options,
            requirement,
            log=folder / "install.log",
        )
        found = list(archives.glob(f"*-{suite.version}.tar.gz"))
    shutil.rmtree(folder / "source", ignore_errors=True)
    with tarfile.open(found[0]) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    # A project without a configuration of its own would get the next one above: that of this repository.
    (folder / "source" / "pytest.ini").touch()
    for name in suite.remove:
        shutil.rmtree(source / name)
    return source


def run(
    suite: Suite, python: Path, source: Path, results: Path, start: Start, arguments: list[str]
) -> dict[str, dict[str, Any]]:
    """Run pytest with these arguments and return the outcome of each test."""
    results.unlink(missing_ok=True)
    command = [
        *(str(python), *start.arguments, *arguments, "-p", "riata_suites", "-p", "timeout"),
        *(f"--rootdir={source}", f"--timeout={TEST_LIMIT}", "--timeout-method=signal"),
    ]
    variables = {
        **os.environ,
        **suite.environment,
        "PYTHONPATH": str(HERE / "plugin"),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "RIATA_SUITES_LOG": str(results),
    }
    for name in (
        *("RIATA_LOOP", "PYTHONASYNCIODEBUG", "VIRTUAL_ENV"),
        *("PYTEST_ADDOPTS", "PYTEST_PLUGINS"),
    ):
        variables.pop(name, None)
    variables |= start.variables
    with open(results.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=source,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            process.wait(suite.limit)
        except subprocess.TimeoutExpired:
            if results.stem == "asyncio":
                raise SuiteError(f"it takes more than {suite.limit:.0f} s on asyncio")
        finally:
            # Its children too, which a test may have left behind.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
    outcomes: dict[str, dict[str, Any]] = {}
    if results.exists():
        for line in results.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            outcomes[entry["test"]] = entry
    return outcomes


def call(*command: str, log: Path) -> None:
    with open(log, "ab") as output:
        status = subprocess.run(command, stdout=output, stderr=output, check=False).returncode
    if status:
        raise SuiteError(f"`{' '.join(command[:4])} ...` failed, see {log}")


if __name__ == "__main__":
    sys.exit(main())
