"""The loop that tests run on: riata's own, which lets the phase of the test that runs watch over each run."""

import asyncio
from typing import Any

from riata.event_loop import EventLoop
from riata.switch import switched_off
from riata.testing.phase import current_phase
from riata.testing.sites import task_site

__all__ = ["TestLoop", "new_test_loop"]


class TestLoop(EventLoop):
    """An `EventLoop` for tests; outside of a test's phases it is one like any other."""

    __slots__ = ()
    __test__ = False  # its name begins like a test's

    def __init__(self) -> None:
        super().__init__()
        self._task_site = task_site

    def run_until_complete(self, future: Any) -> Any:
        """Run until the future is done, for as long as the phase allows. Mirrors `loop.run_until_complete`."""
        phase = current_phase()
        if phase is None or self.is_running() or self.is_closed():
            return super().run_until_complete(future)
        return phase.run(self, future, super().run_until_complete)


def new_test_loop() -> asyncio.AbstractEventLoop:
    """Return a loop for tests: riata's, or asyncio's where `RIATA_LOOP=asyncio` says so."""
    return asyncio.SelectorEventLoop() if switched_off() else TestLoop()
