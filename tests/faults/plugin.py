"""A pytest plugin for a build with faults: a plan for each test, and at the end how many faults there were.

`pytest -p tests.faults.plugin --faults rate=0.2,kinds=harmless --faults-seed 3` gives every test RIATA_FAULTS with a seed that
comes from its name and the number given, so that a test alone meets the same faults as among others.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

counts: Counter[str] = Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--faults", default="rate=0.2", help="the words of RIATA_FAULTS but its seed")
    group.addoption("--faults-seed", type=int, default=1, help="another number, other faults")


def pytest_configure(config: pytest.Config) -> None:
    from riata import EventLoop, _riata

    if not hasattr(_riata.Loop, "_fault_counts"):
        raise pytest.UsageError("this build of riata has no faults; hint: `make faults`")
    close = EventLoop.close

    def close_and_count(self: Any) -> None:
        if not self.is_closed():
            counts.update(self._fault_counts())
        close(self)

    EventLoop.close = close_and_count


def pytest_report_header(config: pytest.Config) -> str:
    return f"faults: {config.option.faults},seed={config.option.faults_seed}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    seed = zlib.crc32(f"{item.config.option.faults_seed} {item.nodeid}".encode())
    os.environ["RIATA_FAULTS"] = f"{item.config.option.faults},seed={seed}"
    try:
        return (yield)
    finally:
        del os.environ["RIATA_FAULTS"]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    terminalreporter.write_line(f"faults: {said or 'none'}")
