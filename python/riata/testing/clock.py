"""The clock of a test's loop: the fixture `riata_clock`, and `time.monotonic` while a loop in virtual time runs.

What is deliberately absent: clocks that no loop has, such as `time.time` and `time.perf_counter`; they tell real time.
"""

import contextlib
import time
from asyncio import events
from collections.abc import Iterator
from time import monotonic as _real
from time import monotonic_ns as _real_ns
from typing import Any

import pytest

from riata.testing.loop import TestLoop

__all__ = ["Clock", "ClockFixture", "module_clock", "put_back"]

# How many runs in virtual time are under way.
_runs = 0


class Clock:
    """The clock of the loop that a test runs on; what the fixture `riata_clock` gives.

    Threads: that of the loop.
    """

    @property
    def now(self) -> float:
        """The loop's time, in seconds: that of `loop.time()`. In virtual time it begins at 0."""
        now: float = _loop_of_test().time()
        return now

    def advance(self, seconds: float) -> None:
        """Move the clock of a loop in virtual time, as if the code that calls this had taken so long.

        What was due in that time runs when the test next awaits, in its order, all of it at the time to which the clock has moved.

        Args:
            seconds: by how much; nothing waits for so long.
        Raises:
            RuntimeError: the test runs in real time.
            ValueError: the number is negative, infinite or not a number.
        """
        loop = _loop_of_test()
        if not loop._simulated:
            raise RuntimeError(
                "riata_clock.advance: this test runs in real time, whose clock nobody can move\n"
                "hint: `@pytest.mark.riata(virtual_time=True)`"
            )
        loop._advance(seconds)


def _loop_of_test() -> Any:
    running = events._get_running_loop()
    loop = running if running is not None else TestLoop.latest()
    if not isinstance(loop, TestLoop):
        raise RuntimeError(
            "riata_clock: there is no event loop of riata's plugin here\n"
            "hint: ask for the time in an async test or fixture, or in what runs beside one"
        )
    return loop


class ClockFixture:
    """A plugin with the fixture. Registered when riata is switched on."""

    @pytest.fixture
    def riata_clock(self, request: pytest.FixtureRequest) -> Clock:
        """The clock of the test's event loop: `now`, and in virtual time `advance(seconds)`."""
        # pytest-asyncio makes the loop in a fixture, late; a fixture that is not async may ask for the time before.
        for name in request.fixturenames:
            if name.endswith("_scoped_runner"):
                request.getfixturevalue(name)
        return Clock()


@contextlib.contextmanager
def module_clock() -> Iterator[None]:
    """Within, `time.monotonic` and `time.monotonic_ns` agree with the loop in virtual time that runs in the thread that asks.

    Where a program has put a clock of its own in their place, that stays.
    """
    global _runs
    if time.monotonic is _real and time.monotonic_ns is _real_ns:
        time.monotonic = _monotonic
        time.monotonic_ns = _monotonic_ns
    _runs += 1
    try:
        yield
    finally:
        _runs -= 1
        put_back()


def put_back() -> None:
    """Put the real functions back, unless a run is under way. A test that patches them may restore ours when its run is over."""
    if _runs:
        return
    if time.monotonic is _monotonic:
        time.monotonic = _real
    if time.monotonic_ns is _monotonic_ns:
        time.monotonic_ns = _real_ns


def _monotonic() -> float:
    loop = events._get_running_loop()
    return loop.time() if isinstance(loop, TestLoop) and loop._simulated else _real()


def _monotonic_ns() -> int:
    loop = events._get_running_loop()
    if isinstance(loop, TestLoop) and loop._simulated:
        return round(loop.time() * 1e9)
    return _real_ns()
