"""The loop that tests run on: riata's own, which lets the phase of the test that runs watch over each run."""

import asyncio
import weakref
from typing import Any, ClassVar

import pytest

from riata.event_loop import EventLoop
from riata.switch import switched_off
from riata.testing.phase import current_phase
from riata.testing.sites import task_site

__all__ = ["TestLoop", "new_test_loop"]


class TestLoop(EventLoop):
    """An `EventLoop` for tests; outside of a test's phases it is one like any other."""

    __slots__ = ()
    __test__ = False  # its name begins like a test's
    _latest: "ClassVar[weakref.ref[TestLoop] | None]" = None

    def __init__(self) -> None:
        super().__init__()
        self._task_site = task_site
        TestLoop._latest = weakref.ref(self)

    @staticmethod
    def latest() -> "TestLoop | None":
        """The one that was made or run last, if it is not closed."""
        loop = None if TestLoop._latest is None else TestLoop._latest()
        return None if loop is None or loop.is_closed() else loop

    def run_until_complete(self, future: Any) -> Any:
        """Run until the future is done, for as long as the phase allows. Mirrors `loop.run_until_complete`."""
        phase = current_phase()
        if phase is None or self.is_running() or self.is_closed():
            return super().run_until_complete(future)
        TestLoop._latest = weakref.ref(self)
        return phase.run(self, future, super().run_until_complete)


def new_test_loop() -> asyncio.AbstractEventLoop:
    """Return a loop for tests: riata's, in virtual time where the test wants it, or asyncio's where `RIATA_LOOP=asyncio` says so."""
    phase = current_phase()
    is_virtual = phase is not None and phase.settings.virtual_time
    if switched_off():
        if is_virtual:
            raise pytest.fail.Exception(
                "riata: RIATA_LOOP=asyncio leaves this test on asyncio's loop, which has no virtual time\n"
                "hint: run it without RIATA_LOOP=asyncio, or with `@pytest.mark.riata(virtual_time=False)`",
                pytrace=False,
            )
        return asyncio.SelectorEventLoop()
    if is_virtual:
        from riata.testing.virtual_loop import VirtualLoop

        return VirtualLoop()
    return TestLoop()
