"""The measured process: one loop or library, one case, a few attempts, one line of JSON.

    python benchmarks/worker.py CASE module:factory|library [--target-ms 60] [--attempts 3]

`run.py` starts it; starting it by hand is for looking at one case under a profiler.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

from cases import Case, find_cases
from cases.registry import Bench
from harness.clocks import CallgrindClock, CpuClock

SMALLEST_MS = 5.0  # an attempt shorter than this says little about how large the next should be


def main() -> None:
    options = parse_arguments()
    (case,) = find_cases(options.case)
    if ":" in options.loop:
        factory = load_factory(options.loop)
    else:
        from cases import peers  # no other process has to import it

        case, factory = peers.spelled_by(options.loop, case), asyncio.new_event_loop
    if options.callgrind:
        result = count_instructions(case, factory, options.size or case.size, options.callgrind)
    else:
        result = time_attempts(case, factory, options)
    result["python"] = sys.version.split()[0]
    print(json.dumps(result), flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case")
    parser.add_argument("loop", metavar="module:factory|library")
    parser.add_argument("--target-ms", type=float, default=60.0)
    parser.add_argument("--attempts", type=int, default=3)
    parser.add_argument("--size", type=int, help="fixed repeat count, no calibration")
    parser.add_argument("--callgrind", metavar="LIBRARY", help="count instructions under valgrind")
    return parser.parse_args()


def load_factory(spec: str) -> Callable[[], asyncio.AbstractEventLoop]:
    module, _, attribute = spec.partition(":")
    return getattr(importlib.import_module(module), attribute)


def attempt(case: Case, loop: Any, factory: Any, size: int, clock: Any) -> Bench:
    """Run the case once, with nothing of earlier attempts left for the collector to walk."""
    assert case.function is not None
    bench = Bench(loop=loop, size=size, clock=clock, new_event_loop=factory)
    gc.collect()
    outcome = case.function(bench)
    if asyncio.iscoroutine(outcome):
        loop.run_until_complete(outcome)
    assert bench.operations > 0, f"{case.name} did not say how many operations it did"
    return bench


def time_attempts(case: Case, factory: Any, options: argparse.Namespace) -> dict[str, Any]:
    loop = factory()
    gc.collect()
    gc.freeze()
    size = options.size or case.size
    if not (options.size or case.fixed):
        size = calibrate(case, loop, factory, size, options.target_ms)
    attempts = []
    for _ in range(options.attempts):
        clock = CpuClock()
        bench = attempt(case, loop, factory, size, clock)
        in_bytes = bench.bytes_per_operation
        attempts.append(clock.total_ns / bench.operations if in_bytes is None else in_bytes)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    return {
        "value": min(attempts),
        "attempts": attempts,
        "size": size,
        "operations": bench.operations,
    }


def calibrate(case: Case, loop: Any, factory: Any, size: int, target_ms: float) -> int:
    """Repeat count for which one attempt takes about `target_ms` of CPU. Also warms up."""
    while True:
        clock = CpuClock()
        attempt(case, loop, factory, size, clock)
        spent_ms = clock.total_ns / 1e6
        if spent_ms >= SMALLEST_MS:
            return max(1, round(size * target_ms / spent_ms))
        size *= 4


def count_instructions(case: Case, factory: Any, size: int, library: str) -> dict[str, Any]:
    """One attempt to warm up, a second one counted; the collector rests, for repeatability."""
    loop = factory()
    gc.disable()
    attempt(case, loop, factory, size, CpuClock())
    bench = attempt(case, loop, factory, size, CallgrindClock(library))
    return {"operations": bench.operations, "size": size}


if __name__ == "__main__":
    main()
