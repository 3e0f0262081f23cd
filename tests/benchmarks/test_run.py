"""The command line from end to end, in its shortest form."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

needs_tomllib = pytest.mark.skipif(sys.version_info < (3, 11), reason="bars.toml needs Python 3.11")

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["--rounds", "2", "--attempts", "1", "--target-ms", "10"]


def benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parent))
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "run.py"), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


@pytest.fixture(scope="module")
def slow_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any], Path]:
    """A loop with 20 us of waste in each `call_soon`, beside asyncio's."""
    path = tmp_path_factory.mktemp("run") / "run.json"
    loops = "asyncio,slow=slow_loop:SlowLoop"
    done = benchmark("--cases", "callback_ping_pong", "--loops", loops, "--out", str(path), *QUICK)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(path.read_text()), path


@pytest.mark.slow
def test_a_slow_loop_is_seen_as_slow(slow_run: tuple[str, dict[str, Any], Path]) -> None:
    _, run, _ = slow_run
    values: dict[str, list[float]] = {}
    for sample in run["samples"]:
        values.setdefault(sample["loop"], []).append(sample["value"])
    assert min(values["slow"]) >= 20_000
    assert max(values["asyncio"]) < min(values["slow"])


@pytest.mark.slow
def test_the_file_says_how_to_repeat_it(slow_run: tuple[str, dict[str, Any], Path]) -> None:
    _, run, _ = slow_run
    assert "--cases callback_ping_pong" in run["command"]
    assert run["machine"]["cpu"]
    assert run["machine"]["kernel"]
    assert run["loops"]["asyncio"]["version"] == sys.version.split()[0]


@needs_tomllib
@pytest.mark.slow
def test_the_page_says_that_it_loses(slow_run: tuple[str, dict[str, Any], Path]) -> None:
    path = slow_run[2]
    report = ROOT / "benchmarks" / "report.py"
    page = subprocess.run(
        [sys.executable, str(report), str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert "### Where slow loses\n\n- callback ping-pong: asyncio needs" in page


@needs_tomllib
@pytest.mark.slow
def test_bars_that_are_missed_fail_the_run(tmp_path: Path) -> None:
    bars = tmp_path / "bars.toml"
    bars.write_text('[[bar]]\ncase = "callback_ping_pong"\nasyncio = 1.0\n')
    done = benchmark(
        *("--cases", "bars", "--bars", "--bars-file", str(bars)),
        *("--loops", "asyncio,slow=slow_loop:SlowLoop", *QUICK),
    )
    assert done.returncode == 3, done.stderr
    assert "0 bars met, 1 missed" in done.stdout


@pytest.mark.parametrize(
    "words",
    [["--cases", "no_such_case"], ["--loops", "no_such_loop"], ["--python", "/no/such/python"]],
)
def test_a_wrong_command_line_is_explained(words: list[str]) -> None:
    done = benchmark("--loops", "asyncio", *words)
    assert done.returncode == 2
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
