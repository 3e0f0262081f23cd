"""Sends a case to what can measure it."""

from __future__ import annotations

import argparse
from typing import Any

from cases.registry import Case

from harness.contestants import Contestant
from harness.micro import count_instructions, measure_micro
from harness.server import measure_connections, measure_server


def measure(case: Case, contestant: Contestant, *, options: argparse.Namespace) -> dict[str, Any]:
    if options.callgrind:
        return count_instructions(case, contestant)
    if case.function is not None:
        attempts = 1 if case.group == "memory" else options.attempts  # freed memory is used again
        return measure_micro(case, contestant, target_ms=options.target_ms, attempts=attempts)
    if case.group == "memory":
        return measure_connections(case, contestant)
    return measure_server(
        case, contestant, warmup_ms=options.warmup_ms, window_ms=options.window_ms
    )
