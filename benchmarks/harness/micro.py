"""Measures a micro case in a process of its own, with the CPU clock or under callgrind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from cases.registry import Case

from harness import build
from harness.contestants import Contestant
from harness.errors import MeasurementError

WORKER = Path(__file__).resolve().parent.parent / "worker.py"
TIME_LIMIT = 300.0


def measure_micro(
    case: Case, contestant: Contestant, *, target_ms: float, attempts: int
) -> dict[str, Any]:
    """CPU nanoseconds per operation (`value`), or bytes for a memory case."""
    assert contestant.spec is not None
    command = [contestant.python, str(WORKER), case.name, contestant.spec]
    command += ["--target-ms", str(target_ms), "--attempts", str(attempts)]
    return run_worker(command)


def count_instructions(case: Case, contestant: Contestant) -> dict[str, Any]:
    """Instructions per operation (`value`): the same on every run to about 0.1 %."""
    assert contestant.spec is not None
    library = build.callgrind_switch()
    with tempfile.TemporaryDirectory(prefix="riata-callgrind-") as folder:
        counts = Path(folder, "counts")
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
        command += [f"--callgrind-out-file={counts}", "--quiet"]
        command += [contestant.python, str(WORKER), case.name, contestant.spec]
        command += ["--callgrind", str(library), "--size", str(case.size)]
        result = run_worker(command)
        instructions = total_instructions(counts.read_text())
    result["value"] = instructions / result["operations"]
    return result


def run_worker(command: list[str]) -> dict[str, Any]:
    """Start it and read its line of JSON.

    Raises:
        MeasurementError: it failed, or took longer than `TIME_LIMIT`.
    """
    environment = dict(os.environ, PYTHONHASHSEED="0")
    environment.pop("PYTHONASYNCIODEBUG", None)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=environment,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MeasurementError(f"took over {TIME_LIMIT:.0f} s") from None
    if done.returncode:
        reason = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise MeasurementError(f"ended with {done.returncode}\n{reason}")
    return json.loads(done.stdout.splitlines()[-1])


def total_instructions(output: str) -> int:
    """The `totals:` line of a callgrind file; its `summary:` leaves out what was switched on late."""
    found = re.findall(r"^totals:\s*(\d+)", output, re.MULTILINE)
    if not found:
        raise MeasurementError("callgrind left no totals")
    return int(found[-1])
