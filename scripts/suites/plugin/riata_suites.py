"""A pytest plugin: writes each test's outcome, and whose loops ran during it, as a line of JSON.

A line is written as soon as it is known, so that a process that dies leaves what came before and the test that it was in.
It is imported by the project's own pytest and must not depend on more than that; it changes nothing of the tests.
"""

from __future__ import annotations

import asyncio.base_events
import functools
import json
import os
import sys
from typing import Any

import pytest

_SEVERITY = ["passed", "xfailed", "skipped", "failed"]

_loops: set[str] = set()
_outcome: dict[str, Any] = {}


def _count(loop_class: Any) -> None:
    run_forever = loop_class.run_forever

    @functools.wraps(run_forever)
    def counted(self: Any) -> Any:
        _loops.add(loop_class.__module__.partition(".")[0])
        return run_forever(self)

    loop_class.run_forever = counted


def _write(entry: dict[str, Any]) -> None:
    with open(os.environ["RIATA_SUITES_LOG"], "a", encoding="utf-8") as log:
        log.write(json.dumps(entry) + "\n")


def pytest_configure() -> None:
    _count(asyncio.base_events.BaseEventLoop)
    # The program was started by `riata run`, or its pytest has riata's plugin.
    if {"riata.takeover", "riata.pytest_plugin"} & sys.modules.keys():
        import riata.event_loop

        _count(riata.event_loop.EventLoop)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart(nodeid: str) -> None:
    _loops.clear()
    _outcome.clear()
    _write({"test": nodeid, "outcome": "began"})


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    outcome: str = report.outcome
    if hasattr(report, "wasxfail"):
        outcome = "xfailed" if report.skipped else "passed"
    if _SEVERITY.index(outcome) >= _SEVERITY.index(_outcome.get("outcome", "passed")):
        _outcome["outcome"] = outcome
        if outcome == "failed":
            _outcome["why"] = report.longreprtext[-4000:]


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid: str) -> None:
    _write({"test": nodeid, **_outcome, "loops": sorted(_loops)})


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _write({"test": report.nodeid, "outcome": "failed", "why": report.longreprtext[-4000:]})
