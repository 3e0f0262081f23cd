"""What the property tests share: how many examples, and how a failure is reported.

The suite runs some dozens of each test, always the same. RIATA_FUZZ=20 (`make fuzz-python`) runs twenty times as many, drawn anew. A failure is
shrunk; it prints the smallest program, both logs side by side, and the line that repeats it.
"""

import gc
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ..support import DEBUG_BUILD, differential

LONG = os.environ.get("RIATA_TEST_LONG") == "1"
TIMES = float(os.environ.get("RIATA_FUZZ") or (5 if LONG else 1))

marks = [
    pytest.mark.slow,
    pytest.mark.timeout(400 * max(1, TIMES) * (5 if DEBUG_BUILD else 1)),
]


def examples(count: int) -> settings:
    # The suite repeats the same programs, so that it says the same of the same code; more of them are drawn anew.
    return settings(
        deadline=None,
        database=None,
        derandomize=TIMES == 1,
        max_examples=max(1, int(count * TIMES)),
        print_blob=True,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.function_scoped_fixture,
        ],
    )


def compare(scenario: Any, **options: Any) -> None:
    """`differential`, which collects only what is young: Hypothesis keeps much, and there are thousands of runs."""
    differential(scenario, collect=lambda: gc.collect(1), **options)
