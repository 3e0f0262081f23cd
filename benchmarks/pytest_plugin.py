"""What a suite of many trivial async tests costs by pytest-asyncio on asyncio, on uvloop, and with riata's pytest plugin.

    pip install -r benchmarks/requirements.txt pytest pytest-asyncio
    python benchmarks/pytest_plugin.py [--tests 2000] [--rounds 7]

CPU seconds, user and system, of the whole pytest with its children, start included. The rounds are interleaved. The medians
stand with the smallest and the largest, and with the median of the ratios to uvloop within the rounds.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

INI = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
BY_HOOK = """
import uvloop


def pytest_asyncio_loop_factories(config, item):
    return {"uvloop": uvloop.new_event_loop}
"""
BY_POLICY = """
import pytest
import uvloop


@pytest.fixture(scope="session")
def event_loop_policy():
    return uvloop.EventLoopPolicy()
"""
RIATA = ["riata_loop=true"]
BARE = [*RIATA, "riata_timeout=0", "riata_leaks=off", "riata_blocked_after=0"]
ALL = [
    *(*RIATA, "riata_timeout=60", "riata_leaks=error", "riata_blocked_after=0.1"),
    *("riata_virtual_time=true", "riata_one_task=true"),
]
# By name: conftest.py, and settings; riata's plugin is not loaded where there are none.
CONTESTANTS: dict[str, tuple[str, list[str]]] = {
    "asyncio": ("", []),
    "uvloop": (BY_HOOK, []),
    "uvloop, by a policy": (BY_POLICY, []),
    "riata, without additions": ("", BARE),
    "riata": ("", RIATA),
    "riata, with all additions": ("", ALL),
}
BASE = "uvloop"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    with tempfile.TemporaryDirectory() as folder:
        projects = {
            name: project(Path(folder) / str(number), conftest, arguments.tests)
            for number, (name, (conftest, _)) in enumerate(CONTESTANTS.items())
        }
        for number in range(-1, arguments.rounds):
            for name, (_, settings) in CONTESTANTS.items():
                taken = run(projects[name], settings, arguments.tests)
                if number >= 0:  # the first round writes what Python compiles
                    seconds[name].append(taken)
    versions = ", ".join(
        f"{package} {importlib.metadata.version(package)}"
        for package in ("pytest", "pytest-asyncio", "uvloop")
    )
    python = ".".join(map(str, sys.version_info[:3]))
    print(f"{arguments.tests} tests, {arguments.rounds} rounds, Python {python}, {versions}\n")
    print(f"{'':26} CPU s  least   most  to {BASE}")
    for name, taken in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(taken, seconds[BASE], strict=True))
        row = (statistics.median(taken), min(taken), max(taken))
        print(f"{name:26} {' '.join(f'{value:6.3f}' for value in row)}  {ratio:.3f}")
    return 0


def project(folder: Path, conftest: str, tests: int) -> Path:
    folder.mkdir()
    folder.joinpath("pytest.ini").write_text(INI)
    folder.joinpath("conftest.py").write_text(conftest)
    bodies = (f"async def test_{number}():\n    pass\n" for number in range(tests))
    folder.joinpath("test_trivial.py").write_text("\n\n".join(bodies))
    return folder


def run(folder: Path, settings: list[str], tests: int) -> float:
    plugin = ["-p", "riata.pytest_plugin"] if settings else []
    if is_registered():
        plugin = [] if settings else ["-p", "no:riata"]
    options = [option for setting in settings for option in ("-o", setting)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore"]
    variables = {name: value for name, value in os.environ.items() if name != "RIATA_LOOP"}
    process = subprocess.Popen(
        [*command, *plugin, *options],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or f"{tests} passed" not in output:
        raise SystemExit(f"not as it should be:\n{output[-2000:]}")
    return usage.ru_utime + usage.ru_stime


def is_registered() -> bool:
    entries = importlib.metadata.entry_points(group="pytest11")
    return any(entry.name == "riata" for entry in entries)


if __name__ == "__main__":
    sys.exit(main())
