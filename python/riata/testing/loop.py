"""The loop that tests run on: riata's own, which lets the phase of the test that runs watch over each run, and knows what was made on it."""

import asyncio
import concurrent.futures
import sys
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from riata.event_loop import EventLoop
from riata.switch import switched_off
from riata.testing.blocked import describe_blocked
from riata.testing.leaks import Made, look_at, look_at_exception
from riata.testing.phase import current_phase
from riata.testing.sites import current_owner, make_site, task_site

__all__ = ["TestLoop", "new_test_loop", "test_loops"]

_loops: "weakref.WeakSet[TestLoop]" = weakref.WeakSet()


class TestLoop(EventLoop):
    """An `EventLoop` for tests; outside of a test's phases it is one like any other."""

    __slots__ = ("made",)
    __test__ = False  # its name begins like a test's
    _latest: "ClassVar[weakref.ref[TestLoop] | None]" = None

    def __init__(self) -> None:
        super().__init__()
        self.made: Made = Made()
        self._task_site = task_site
        _loops.add(self)
        TestLoop._latest = weakref.ref(self)

    @staticmethod
    def latest() -> "TestLoop | None":
        """The one that was made or run last, if it is not closed."""
        loop = None if TestLoop._latest is None else TestLoop._latest()
        return None if loop is None or loop.is_closed() else loop

    def run_until_complete(self, future: Any) -> Any:
        """Run until the future is done, for as long as the phase allows. Mirrors `loop.run_until_complete`."""
        phase, owner = current_phase(), current_owner()
        if owner is not None:
            owner.has_run = True
        if phase is None or self.is_running() or self.is_closed():
            return super().run_until_complete(future)
        TestLoop._latest = weakref.ref(self)
        return phase.run(self, future, super().run_until_complete)

    # What ends a loop begins with one of these, or with `Runner.close`.

    def shutdown_asyncgens(self) -> Any:
        """Mirrors `loop.shutdown_asyncgens`."""
        look_at(self)
        return super().shutdown_asyncgens()

    def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> Any:
        """Mirrors `loop.shutdown_default_executor`."""
        look_at(self)
        return super().shutdown_default_executor(*args, **kwargs)

    def close(self) -> None:
        """Mirrors `loop.close`."""
        look_at(self)
        super().close()
        # A loop that is closed may be kept for long, by a traceback for one.
        _loops.discard(self)
        self.made.task = None

    # What is made.

    def _asyncgen_firstiter_hook(self, generator: Any) -> None:
        super()._asyncgen_firstiter_hook(generator)
        if current_owner() is not None:
            self.made.generators[generator] = make_site(sys._getframe(1))

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Mirrors `loop.run_in_executor`."""
        used = self._default_executor if executor is None else executor
        is_known = used is None or type(used) is concurrent.futures.ThreadPoolExecutor
        if current_owner() is not None and is_known and not self.get_debug():
            func = self.made.job(func, make_site(sys._getframe(1)))
        return super().run_in_executor(executor, func, *args)

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        """Mirrors `loop.create_server`."""
        return self._made_server(await super().create_server(*args, **kwargs), sys._getframe(1))

    async def create_unix_server(self, *args: Any, **kwargs: Any) -> Any:
        """Mirrors `loop.create_unix_server`."""
        return self._made_server(
            await super().create_unix_server(*args, **kwargs), sys._getframe(1)
        )

    def _made_server(self, server: Any, frame: Any) -> Any:
        self.made.servers[server] = make_site(frame)
        return server

    async def _make_subprocess_transport(self, *args: Any, **kwargs: Any) -> Any:
        site = make_site(sys._getframe(1))
        transport = await super()._make_subprocess_transport(*args, **kwargs)
        self.made.processes[transport] = site
        return transport

    def _make_read_pipe_transport(self, *args: Any, **kwargs: Any) -> Any:
        transport = super()._make_read_pipe_transport(*args, **kwargs)
        self.made.pipes[transport] = make_site(sys._getframe(1))
        return transport

    def _make_write_pipe_transport(self, *args: Any, **kwargs: Any) -> Any:
        transport = super()._make_write_pipe_transport(*args, **kwargs)
        self.made.pipes[transport] = make_site(sys._getframe(1))
        return transport

    def call_exception_handler(self, context: Any) -> None:
        """Mirrors `loop.call_exception_handler`."""
        if self._exception_handler is None:
            look_at_exception(context)
        super().call_exception_handler(context)

    def _report_blocked(self, job: object, seconds: float) -> None:
        phase = current_phase()
        if phase is not None:
            phase.blocked.append(describe_blocked(job, seconds))


def test_loops() -> "list[TestLoop]":
    """Those that are open and do not run."""
    return [loop for loop in list(_loops) if not loop.is_running()]


test_loops.__test__ = False  # type: ignore[attr-defined]  # its name begins like a test's


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
