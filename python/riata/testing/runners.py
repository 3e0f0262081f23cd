"""What asyncio's runners do in addition while tests run on riata: they tell before a loop ends, and can run all in one task."""

import asyncio
import contextvars
import functools
import importlib
import sys
import unittest
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

import pytest

from riata import _riata
from riata.testing import leaks
from riata.testing.loop import TestLoop
from riata.testing.phase import current_phase

__all__ = ["extend_runners"]

# pytest-asyncio uses the last one on 3.10.
_MODULES = ("asyncio", "riata.runner", "backports.asyncio.runner")


def extend_runners() -> "Callable[[], None]":
    """Let the runners of this process do so, until what is returned is called."""
    patch = pytest.MonkeyPatch()
    for module in _MODULES:
        try:
            runner: Any = getattr(importlib.import_module(module), "Runner", None)
        except ImportError:
            continue
        for name, extended in (("close", _close), ("run", _run)):
            if name in vars(runner or object):
                patch.setattr(runner, name, _extended(vars(runner)[name], extended))
    case: Any = unittest.IsolatedAsyncioTestCase
    if hasattr(case, "_tearDownAsyncioLoop"):  # 3.10, where it uses no runner
        tear_down = _extended(case._tearDownAsyncioLoop, _close)
        patch.setattr(case, "_tearDownAsyncioLoop", tear_down)
    return patch.undo


def _extended(method: Any, extended: Any) -> Any:
    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return extended(method, self, *args, **kwargs)

    return call


def _close(close: Any, runner: Any) -> None:
    loop = getattr(runner, "_loop", None) or getattr(runner, "_asyncioTestLoop", None)
    if isinstance(loop, TestLoop) and asyncio._get_running_loop() is None:
        # Before it cancels all tasks.
        leaks.look_at(loop)
        if loop.made.task is not None:
            loop.made.task.ends = True
    close(runner)


def _run(
    run: Any,
    runner: Any,
    coro: Coroutine[Any, Any, Any],
    *,
    context: Context | None = None,
) -> Any:
    __tracebackhide__ = True
    phase = current_phase()
    if phase is None or asyncio._get_running_loop() is not None or not asyncio.iscoroutine(coro):
        return run(runner, coro, context=context)
    loop = runner.get_loop()
    if not isinstance(loop, TestLoop):
        return run(runner, coro, context=context)
    if phase.settings.one_task:
        if loop.made.task is None:
            loop.made.task = _Shared()
        coro = loop.made.task.run(coro)
    if sys.version_info < (3, 11):
        _make_next_task_in(loop, context or runner._context)
    return run(runner, coro, context=context)


def _make_next_task_in(loop: Any, context: Context) -> None:
    """There a runner cannot say in which context a task is to run, so that what it sets there stays."""

    def create_task(coro: Any, *, name: str | None = None) -> Any:
        del loop.create_task
        return _riata.Task(coro, loop=loop, name=name, context=context)

    loop.create_task = create_task


class _Shared:
    """One task that runs what would be tasks one after the other: the set-up of fixtures, the test, and their tear-down."""

    def __init__(self) -> None:
        # Whether the loop is about to end, and a request to cancel the task is meant for itself.
        self.ends = False
        self._task: Any = None
        self._next: tuple[Any, list[tuple[Any, Any]], asyncio.Future[Any]] | None = None
        self._more: asyncio.Future[None] | None = None

    async def run(self, coro: Coroutine[Any, Any, Any]) -> Any:
        """Have the task run a coroutine; to cancel this is to cancel that."""
        __tracebackhide__ = True
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._next = coro, list(contextvars.copy_context().items()), done
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._serve(), name="one task")
        elif self._more is not None and not self._more.done():
            self._more.set_result(None)
        while not done.done():
            try:
                await _riata.wait([done])
            except asyncio.CancelledError as error:
                self._task.cancel(*error.args)
        result, changes = await done
        for variable, value in changes:
            variable.set(value)
        if isinstance(result, BaseException):
            try:
                raise result
            finally:
                del result
        return result[0]

    async def _serve(self) -> None:
        __tracebackhide__ = True
        while self._next is not None:
            coro, variables, done = self._next
            self._next = None
            _set(variables)
            outcome: Any
            try:
                outcome = (await coro,)
            except (KeyboardInterrupt, SystemExit) as error:
                done.set_result((error, []))
                raise
            except BaseException as error:
                outcome = error
                while hasattr(self._task, "cancelling") and self._task.cancelling():
                    self._task.uncancel()
            context = contextvars.copy_context().items()
            before = dict(variables)
            changes = [(v, value) for v, value in context if before.get(v, done) is not value]
            done.set_result((outcome, changes))
            del coro, done, outcome, variables, before, changes, context
            await self._wait_for_more()

    async def _wait_for_more(self) -> None:
        """Wait for the next coroutine. Requests to cancel the task that come meanwhile, from a scope or a timeout of a fixture that is
        entered, are for that one.
        """
        request: asyncio.CancelledError | None = None
        while self._next is None:
            self._more = asyncio.get_running_loop().create_future()
            try:
                await self._more
            except asyncio.CancelledError as error:
                if self.ends:
                    raise
                request = error
        self._more = None
        if request is not None:
            # The same request, which the next await is to see: their number stays.
            if hasattr(self._task, "uncancel"):
                self._task.uncancel()
            self._task.cancel(*request.args)


def _set(variables: "list[tuple[Any, Any]]") -> None:
    """Those that have been changed outside of the task."""
    here = dict(contextvars.copy_context().items())
    for variable, value in variables:
        if here.get(variable, variables) is not value:
            variable.set(value)
