"""Every micro case does what it says, in small: it measures, and counts its operations."""

import asyncio
import sys

import pytest
from cases import all_cases, callbacks, memory, threads, timers
from cases.registry import Case
from worker import attempt

MICRO = [case for case in all_cases() if case.function is not None]


class Switch:
    """A clock that only notes how it was used."""

    def __init__(self) -> None:
        self.presses: list[str] = []

    def start(self) -> None:
        self.presses.append("start")

    def stop(self) -> None:
        self.presses.append("stop")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (callbacks, threads):
        monkeypatch.setattr(module, "BURST", 50)
    monkeypatch.setattr(timers, "PENDING", 100)
    monkeypatch.setattr(timers, "CHURN", 200)
    monkeypatch.setattr(timers, "PER_TURN", 20)
    monkeypatch.setattr(timers.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(memory, "FIRST", 20)
    monkeypatch.setattr(memory, "MANY", 100)


@pytest.mark.parametrize("case", MICRO, ids=lambda case: case.name)
def test_it_runs_on_asyncio(case: Case) -> None:
    if case.since > sys.version_info:
        pytest.skip(f"needs Python {case.since}")
    loop = asyncio.new_event_loop()
    clock = Switch()
    try:
        bench = attempt(case, loop, asyncio.new_event_loop, 3, clock)
        assert not asyncio.all_tasks(loop)
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
    assert bench.operations >= 3 or case.fixed
    if case.group == "memory":
        assert bench.bytes_per_operation is not None
    else:
        assert clock.presses == ["start", "stop"]


def test_names_and_titles_are_unique() -> None:
    assert len({case.title for case in all_cases()}) == len(all_cases())
