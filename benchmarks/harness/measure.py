"""Sends a case to what can measure it."""

from __future__ import annotations

import argparse
from typing import Any

from cases.registry import Case
from harness.contestants import Contestant
from harness.micro import count_instructions, measure_micro


def measure(case: Case, contestant: Contestant, *, options: argparse.Namespace) -> dict[str, Any]:
    if options.callgrind:
        return count_instructions(case, contestant)
    return measure_micro(case, contestant, target_ms=options.target_ms, attempts=options.attempts)
