#!/usr/bin/env python3
"""Measure what `riata-check` costs beside ruff on a folder of Python code: CPU time and memory, not the clock.

    benchmarks/checker.py target/checker/riata-check FOLDER [FOLDER ...] [--ruff RUFF] [--rounds 5]

Per folder a line for each way of running, the median of interleaved rounds: user and system time of the process, and the most memory that it
held. `riata-check --no-types` does what ruff can do, names alone; with types it also follows calls into what is imported.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

RUFF_OPTIONS = "check --isolated --no-cache --select ASYNC,RUF006 --exit-zero --quiet"
OWN_OPTIONS = "--isolated --exit-zero --quiet --output-format concise"


class Cost(NamedTuple):
    cpu_seconds: float
    memory_mb: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("binary", type=Path, help="riata-check")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--ruff", default="ruff", help="the program, if it is not on PATH")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--types-rounds", type=int, help="rounds of the run with types, if fewer")
    options = parser.parse_args()
    ruff = shutil.which(options.ruff)
    if ruff is None:
        sys.exit(
            f"error: no program `{options.ruff}`\nhint: `pip install ruff`, or name it with --ruff"
        )
    ruff, binary = os.path.abspath(ruff), str(options.binary.resolve())
    types_rounds = options.rounds if options.types_rounds is None else options.types_rounds
    for program in ruff, binary:
        print(subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip())
    print("\n| code | lines | run | CPU s | of ruff | MB |\n|---|---:|---|---:|---:|---:|")
    for folder in options.folders:
        measured = measure(ruff, binary, folder.resolve(), options.rounds, types_rounds)
        lines = count_lines(folder)
        first = next(iter(measured.values()))
        for name, cost in measured.items():
            ratio = cost.cpu_seconds / first.cpu_seconds
            print(
                f"| {folder.name} | {lines:,} | {name} | {cost.cpu_seconds:.2f} | {ratio:.2f} | {cost.memory_mb:.0f} |",
                flush=True,
            )
    return 0


def measure(
    ruff: str, binary: str, folder: Path, rounds: int, types_rounds: int
) -> dict[str, Cost]:
    # A package is imported from the folder that it is in.
    parent, target = folder.parent, folder.name
    ways = {
        "ruff": [ruff, *RUFF_OPTIONS.split(), target],
        "riata-check --no-types": [binary, *OWN_OPTIONS.split(), "--no-types", target],
        "riata-check": [binary, *OWN_OPTIONS.split(), target],
    }
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for number in range(max(rounds, types_rounds)):
        for name, command in ways.items():
            if number < (types_rounds if name == "riata-check" else rounds):
                costs[name].append(run(command, parent))
    return {
        name: Cost(*(statistics.median(values) for values in zip(*found, strict=True)))
        for name, found in costs.items()
        if found
    }


def run(command: list[str], folder: Path) -> Cost:
    """Run a command to its end; what it says is not wanted."""
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"error: {' '.join(command)} ended with {process.returncode}: {complaint}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def count_lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.py"))


if __name__ == "__main__":
    sys.exit(main())
