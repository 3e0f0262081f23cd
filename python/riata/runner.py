"""Run a coroutine on riata's loop, as `asyncio.run` runs it on asyncio's.

Where asyncio lets a caller choose the loop, its own runner does the work; only 3.10, which has no runner, gets one
here, with the Ctrl-C of 3.11: the first cancels the main task, so that `finally` blocks run; the second interrupts.
"""

import asyncio
import contextvars
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, TypeVar

from riata.factory import new_event_loop

__all__ = ["Runner", "run", "run_on"]

T = TypeVar("T")


def run(
    main: Coroutine[Any, Any, T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> T:
    """Run `main` on a new riata loop and return its result.

    Args:
        main: the coroutine to run; it is closed when it cannot be run.
        debug: asyncio's debug mode; `None` leaves the choice to `PYTHONASYNCIODEBUG` and `-X dev`.
        loop_factory: what makes the loop; `None` for riata's.
    Raises:
        RuntimeError: a loop is running in this thread already.
        KeyboardInterrupt: Ctrl-C; `main` was cancelled first and has finished.
    Threads: any; Ctrl-C is handled in the main thread only.
    Mirrors: `asyncio.run` of 3.12, on 3.10 and 3.11 too.
    """
    return run_on(loop_factory or new_event_loop, main, debug=debug)


def run_on(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
    main: Coroutine[Any, Any, T],
    *,
    debug: bool | None = None,
    **kwargs: Any,
) -> T:
    """Run `main` on the loop that `loop_factory` makes. Mirrors: `asyncio.run(..., loop_factory=...)` of 3.12."""
    if sys.version_info >= (3, 12):
        return asyncio.run(main, debug=debug, loop_factory=loop_factory, **kwargs)
    else:
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("asyncio.run() cannot be called from a running event loop")
        with Runner(debug=debug, loop_factory=loop_factory, **kwargs) as runner:
            return runner.run(main)


if sys.version_info >= (3, 11):

    class Runner(asyncio.Runner):  # type: ignore[misc, unused-ignore] # final for checkers
        """Runs coroutines one after the other on one riata loop. Mirrors: `asyncio.Runner`.

        Args:
            debug: as for `run`.
            loop_factory: what makes the loop; `None` for riata's.
        """

        def __init__(
            self,
            *,
            debug: bool | None = None,
            loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
        ) -> None:
            super().__init__(debug=debug, loop_factory=loop_factory or new_event_loop)

else:

    class Runner:
        """Runs coroutines one after the other on one riata loop. Mirrors: `asyncio.Runner` of 3.11.

        Args:
            debug: as for `run`.
            loop_factory: what makes the loop; `None` for riata's.
        """

        def __init__(
            self,
            *,
            debug: bool | None = None,
            loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
        ) -> None:
            self._debug = debug
            self._loop_factory = loop_factory or new_event_loop
            self._loop: asyncio.AbstractEventLoop | None = None
            self._context = contextvars.Context()
            self._closed = False

        def __enter__(self) -> "Runner":
            self.get_loop()
            return self

        def __exit__(self, *_exception: object) -> None:
            self.close()

        def get_loop(self) -> asyncio.AbstractEventLoop:
            """Return the loop, which is made when it is first asked for. RuntimeError: the runner is closed."""
            if self._closed:
                raise RuntimeError("Runner is closed")
            if self._loop is None:
                self._loop = self._loop_factory()
                asyncio.set_event_loop(self._loop)
                self._context = contextvars.copy_context()
                if self._debug is not None:
                    self._loop.set_debug(self._debug)
            return self._loop

        def run(
            self, coro: Coroutine[Any, Any, T], *, context: contextvars.Context | None = None
        ) -> T:
            """Run a coroutine and return its result.

            Args:
                coro: the coroutine.
                context: what it runs in; `None` for the runner's own, which all its runs share.
            Raises:
                RuntimeError: a loop runs in this thread, or the runner is closed.
                KeyboardInterrupt: Ctrl-C; the coroutine was cancelled first and has finished.
            """
            if not asyncio.iscoroutine(coro):
                raise ValueError(f"a coroutine was expected, got {coro!r}")
            if asyncio._get_running_loop() is not None:
                raise RuntimeError("Runner.run() cannot be called from a running event loop")
            loop = self.get_loop()
            # A task takes a copy of the context that it is made in, on 3.10.
            task = (context or self._context).run(loop.create_task, coro)
            return _run_until_complete(loop, task)

        def close(self) -> None:
            """Cancel what still runs, wait for it, and close the loop."""
            loop, self._loop, self._closed = self._loop, None, True
            if loop is None:
                return
            try:
                _cancel_all_tasks(loop)
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.run_until_complete(loop.shutdown_default_executor())
            finally:
                asyncio.set_event_loop(None)
                loop.close()


def _run_until_complete(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[T]") -> T:
    interrupts = 0

    # Not a partial function: `signal.getsignal` takes the `repr` of a handler, which has no end for tasks in a ring on 3.10.
    def on_sigint(signum: int, frame: FrameType | None) -> None:
        nonlocal interrupts
        interrupts += 1
        if interrupts == 1 and not task.done():
            task.cancel()
            loop.call_soon_threadsafe(lambda: None)  # the loop may wait for long
            return
        raise KeyboardInterrupt

    handler = None
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        handler = on_sigint
        try:
            signal.signal(signal.SIGINT, handler)
        except ValueError:  # an embedded interpreter without signals
            handler = None
    try:
        return loop.run_until_complete(task)
    except asyncio.CancelledError:
        if interrupts > 0:
            raise KeyboardInterrupt
        raise
    finally:
        if handler is not None and signal.getsignal(signal.SIGINT) is handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _cancel_all_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    if not tasks:
        return
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    for task in tasks:
        if not task.cancelled() and task.exception() is not None:
            loop.call_exception_handler(
                {
                    "message": "unhandled exception during asyncio.run() shutdown",
                    "exception": task.exception(),
                    "task": task,
                }
            )
