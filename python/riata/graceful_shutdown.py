"""`graceful`: a program that ends in order."""

import asyncio
import inspect
import logging
import signal
import threading
import traceback
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextvars import Context, copy_context
from types import TracebackType
from typing import Any, TypeVar

from riata import _riata
from riata.chains import frames
from riata.patterns import (
    Uncancellable,
    cancel_and_wait,
    checked_seconds,
    close_unawaited,
    entering_task,
    shielded,
    start_begun,
    uncancel,
    until_a_task_runs_it,
    wait_until_done,
)
from riata.wait_graph import those_that_await

__all__ = ["Graceful", "graceful"]

T = TypeVar("T")
_log = logging.getLogger("riata")
# How long an `on_stop` function has to end once it is cancelled with no time left: seconds.
_LAST_MOMENT = 0.1
# Tasks that end programs, which do not end each other.
_helpers: "weakref.WeakSet[asyncio.Task[Any]]" = weakref.WeakSet()
# Who handles a signal: the blocks that were entered and not left, the last one last.
_guards: "dict[int, list[Graceful]]" = {}


class _Reason(str):
    """The message of a cancellation. Blocks nest: each knows its own requests by the object."""

    __slots__ = ()


class Graceful:
    """What `graceful` gives: the servers and tasks that a program ends with."""

    def __init__(self, *, drain: float, cancel: float, signals: Iterable[int]) -> None:
        self.stopping: _riata.Event = _riata.Event()
        self.stuck: list[str] = []  # the names of the tasks that did not stop
        self._drain, self._cancel = (
            checked_seconds(drain, "drain"),
            checked_seconds(cancel, "cancel"),
        )
        self._signals = _checked_signals(signals)
        self._reason = _Reason("the program stops")
        self._loop: Any = asyncio.get_running_loop()
        self._servers: list[Any] = []
        self._callbacks: list[Callable[[], Any]] = []
        self._hurry = _riata.Event()
        self._context: Context | None = None  # of the body, when it began
        self._has_begun = False  # the end; its task may run before it is known
        self._ending: asyncio.Task[None] | None = None
        self._phase = "drain"  # then "cancel", "over"
        self._until = 0.0  # the loop time at which its time is over
        self._body: Any = None  # the task that runs it, once it has begun
        self._left: asyncio.Future[None] | None = None  # done when the body is
        # The task that waits for the end: an async generator may be closed by another one.
        self._leaving: Any = None
        self._requests = 0  # to cancel the body, that were delivered before it began
        self._cancelled: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()  # by the end
        self._before: set[asyncio.Task[Any]] = set()
        self._own: set[asyncio.Task[Any]] = set()
        self._functions: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()  # that are called
        self._previous: dict[int, tuple[Any, Any]] = {}

    def closing(self, server: Any) -> Any:
        """Close a server (anything with `close()`) when the program is to stop; return it."""
        if not callable(getattr(server, "close", None)):
            raise TypeError(f"what is to be closed needs a method close(), unlike {server!r}")
        if self._has_begun:
            self._call(server.close)
        else:
            self._servers.append(server)
        return server

    def on_stop(self, callback: Callable[[], Any]) -> None:
        """Call a function when the program is to stop, and await what it returns if that can be awaited."""
        if not callable(callback):
            raise TypeError(f"a function is needed, not {callback!r}")
        if self._has_begun:
            self._call(callback)
        else:
            self._callbacks.append(callback)

    def create_task(
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None
    ) -> "asyncio.Task[T]":
        """Run a coroutine that is waited for at the end, and keep its task until it is done."""
        task: asyncio.Task[T] = self._loop.create_task(coro, name=name)
        self._own.add(task)
        task.add_done_callback(self._own.discard)
        return task

    def stop(self) -> None:
        """Begin to stop, as a signal does; each further time, wait no longer for what is being waited for.

        Threads: that of the loop; others call `loop.call_soon_threadsafe(stop.stop)`.
        """
        if self._has_begun or self.stopping.is_set():
            self._hurry.set()
        elif self._body is not None:
            self._begin_to_stop()
        self.stopping.set()

    async def wait(self) -> None:
        """Wait until the program is to stop."""
        await self.stopping.wait()

    async def __aenter__(self) -> "Graceful":
        task = entering_task("graceful", self._body)
        self._before = asyncio.all_tasks()
        self._set_signals()
        self._body = task
        self._left = self._loop.create_future()
        # One that is on its way comes in this block.
        self._requests = _requests(task) - bool(getattr(task, "_must_cancel", False))
        self._context = copy_context()
        if self.stopping.is_set():
            self._begin_to_stop()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        assert self._left is not None
        self._left.set_result(None)
        self._leaving = asyncio.current_task()
        if self._body in self._cancelled:
            uncancel(self._body)
        # Also what a server that is closed makes of its `serve_forever`, which nobody has asked the task for.
        was_cancelled = isinstance(exc, asyncio.CancelledError) and self.stopping.is_set()
        is_quiet = was_cancelled and _requests(self._body) <= self._requests
        if exc is not None and not is_quiet and self._phase == "drain":
            self._hurry.set()
        # Whether somebody else has, and that is on its way together with ours, if ours is.
        was_asked = (
            getattr(self._leaving, "_must_cancel", False) and _requests(self._body) > self._requests
        )
        ending = self._ending or self._begin_to_stop()
        self.stopping.set()
        try:
            async with shielded(timeout=None) as shield:
                try:
                    # asyncio's tasks may be asked past what holds requests back.
                    await wait_until_done([ending])
                finally:
                    if ending.done():  # not when the coroutine is closed
                        ending.result()
                # Ours may reach the body when it has left, and come by way of a task that awaits the body's. But of two
                # that came together one is delivered: with ours another one would be lost.
                if not was_asked:
                    shield.forget(self._reason)
        finally:
            Uncancellable.take_from(ending)
            self._restore_signals()
            self._before.clear()
            self._leaving = None
            del ending
        return is_quiet

    def _set_signals(self) -> None:
        if self._signals and threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "graceful handles signals, which come to the main thread only: run it there, or pass signals=()"
            )
        try:
            for number in self._signals:
                handles: dict[int, Any] = getattr(self._loop, "_signal_handlers", {})
                previous = (handles.get(number), signal.getsignal(number))
                self._loop.add_signal_handler(number, self.stop)
                self._previous[number] = previous
                _guards.setdefault(number, []).append(self)
        except BaseException:
            self._restore_signals()
            raise

    def _restore_signals(self) -> None:
        """Give the handlers back that were there before; blocks may be left in another order than they were entered."""
        for number, previous in self._previous.items():
            guards = [guard for guard in _guards[number] if not guard._loop.is_closed()]
            later = guards[guards.index(self) + 1 :] if self in guards else []
            guards = _guards[number] = [guard for guard in guards if guard is not self]
            if later:
                later[0]._previous[number] = previous
            else:
                self._put_back(number, *previous)
        self._previous.clear()

    def _put_back(self, number: int, handle: Any, handler: Any) -> None:
        self._loop.remove_signal_handler(number)
        if handle is not None:
            self._loop.add_signal_handler(number, handle._callback, *handle._args)
        elif handler is not None:
            signal.signal(number, handler)

    def _begin_to_stop(self) -> "asyncio.Task[None]":
        self._has_begun = True
        self._requests = min(self._requests, _requests(self._body))
        # In the context of the body: what holds back requests from outside lets those of the end pass.
        assert self._context is not None
        self._ending = self._context.run(self._start, self._end())
        # Whoever cancels every task there is does not mean to cut the end short.
        Uncancellable.put_on(self._ending)
        return self._ending

    def _start(self, coro: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """A task that belongs to the end itself."""
        task: asyncio.Task[T] = self._loop.create_task(coro)
        _helpers.add(task)
        return task

    def _start_function(self, coro: Coroutine[Any, Any, T], name: str) -> "asyncio.Task[T]":
        """A task for a function that is called, which no other block ends; its coroutine first awaits `until_a_task_runs_it`."""
        task = start_begun(coro, name=name)
        self._functions.add(task)
        _helpers.add(task)
        return task

    def _close_servers(self) -> None:
        """Close them all, the last one first, whatever one of them raises."""
        raised: BaseException | None = None
        while self._servers:
            try:
                self._call(self._servers.pop().close)
            except BaseException as error:  # SystemExit or KeyboardInterrupt
                raised = raised or error
        if raised is not None:
            try:
                raise raised
            finally:
                del raised

    async def _end(self) -> None:
        self.stopping.set()  # an eager task is here before who began it says so
        if self._ending is None:
            await _riata.sleep(0)  # so that it does
        end = self._loop.time() + self._drain
        try:
            self._close_servers()
        except BaseException:
            if self._callbacks:
                self._report("were not called before the end", self._callbacks)
            raise
        calling = self._start_function(self._call_back(), "on_stop")
        await _riata.sleep(0)  # the callbacks begin, however much hurry there is
        left = await self._wait_for_all(end)
        if left:
            self._phase = "cancel"
            self._hurry.clear()
            left = await self._wait_for_all(self._loop.time() + self._cancel)
        self._phase = "over"
        if calling.done() and not calling.cancelled():
            calling.exception()  # SystemExit or KeyboardInterrupt, which has left the loop: not to be logged
        if calling in left:
            # It has been cancelled before, within another function than the one that it is in now.
            calling.cancel(self._reason)
            await _riata.wait([calling], timeout=_LAST_MOMENT)
        for task in left:
            if task is self._body or not task.done():
                self.stuck.append(task.get_name())
                _log.error("task %r did not stop\n%s", task.get_name(), _stack(task))
        # From here on a signal ends the program as it did before, whoever is stuck.
        self._restore_signals()

    def _cancel_all(self, tasks: "Iterable[asyncio.Task[Any]]") -> None:
        for task in tasks:
            if task not in self._cancelled:
                self._cancelled.add(task)
                task.cancel(self._reason)

    def _tasks(self) -> "list[asyncio.Task[Any]]":
        """What was begun since, and is not done; and who runs the body, unless that is done.

        Who awaits the body's task, and nothing else that comes in time, ends after this does, so it is not among them.
        """
        begun = {task for task in asyncio.all_tasks() - self._before | self._own if not task.done()}
        tasks = begun.difference(_helpers - self._functions) - {self._body, self._leaving}
        tasks -= those_that_await(self._leaving or self._body, tasks, self._until)
        if self._left is not None and not self._left.done():
            tasks.add(self._body)
        return list(tasks)

    async def _wait_for_all(self, end: float) -> "list[asyncio.Task[Any]]":
        """Wait until none is left, the time is over or somebody cannot wait; return what is left.

        Once they are to be cancelled, tasks that come later are cancelled when those are done: they are part of a clean-up.
        """
        self._until = end
        hurry = self._start(self._hurry.wait())
        all_done: asyncio.Task[Any] | None = None
        try:
            while True:
                tasks = self._tasks()
                if self._phase == "cancel":
                    self._cancel_all(tasks)
                left = end - self._loop.time()
                if not tasks or left <= 0 or self._hurry.is_set():
                    return tasks
                if hurry.done():  # somebody has cancelled it
                    hurry = self._start(self._hurry.wait())
                futures = {self._left if task is self._body else task for task in tasks}
                all_done = self._start(_riata.wait(futures))
                first = asyncio.FIRST_COMPLETED
                await _riata.wait([hurry, all_done], timeout=left, return_when=first)
        finally:
            await cancel_and_wait(task for task in (hurry, all_done) if task is not None)

    async def _call_back(self) -> None:
        """Call the functions one after the other, the last one first."""
        waiting = list(self._callbacks)
        try:
            await until_a_task_runs_it()
            while waiting and self._phase != "over":
                callback = waiting.pop()
                outcome = self._called(callback)
                if outcome is not None:
                    await self._finish(callback, outcome)
        finally:
            if waiting:
                self._report("were not called before the end", waiting)

    def _call(self, function: Callable[[], Any]) -> None:
        """Call it at once, and wait for it as for any task."""
        outcome = self._called(function)
        if outcome is not None:
            name = getattr(function, "__qualname__", "on_stop")
            self._start_function(self._begin_to_finish(function, outcome), name)

    def _called(self, function: Callable[[], Any]) -> Awaitable[Any] | None:
        """Call it, and return what it gives to be awaited. What it raises ends nothing but itself."""
        try:
            outcome = function()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self._report("has failed", function, error)
            return None
        return outcome if inspect.isawaitable(outcome) else None

    async def _begin_to_finish(self, function: Any, outcome: Awaitable[Any]) -> None:
        try:
            await until_a_task_runs_it()
        except BaseException as error:
            close_unawaited(outcome)
            self._report("was cut off", function, error)
            raise
        await self._finish(function, outcome)

    async def _finish(self, function: Any, outcome: Awaitable[Any]) -> None:
        """Await what a function has given."""
        try:
            await outcome
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            was_ours = self._phase != "drain" and self._is_ours(error)
            self._report("was cut off" if was_ours else "has failed", function, error)

    def _is_ours(self, error: BaseException) -> bool:
        return isinstance(error, asyncio.CancelledError) and any(
            message is self._reason for message in error.args
        )

    def _report(self, what: str, function: Any, error: BaseException | None = None) -> None:
        context: dict[str, Any] = {"message": f"{function!r}, which graceful() was to call, {what}"}
        if error is not None:
            context["exception"] = error
        self._loop.call_exception_handler(context)


def _checked_signals(signals: Iterable[int]) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(signals))
    except TypeError:
        raise TypeError(f"signals must be an iterable of signal numbers, not {signals!r}") from None


def _requests(task: Any) -> int:
    """How many requests to cancel a task there are; those of asyncio do not count them before 3.11."""
    return task.cancelling() if hasattr(task, "cancelling") else 0


def _stack(task: "asyncio.Task[Any]") -> str:
    """The awaits that a task is in, the outermost first."""
    found = ((frame, frame.f_lineno) for frame in frames(task))
    return "".join(traceback.StackSummary.extract(found).format()).rstrip()


def graceful(
    *,
    drain: float = 30.0,
    cancel: float = 5.0,
    signals: Iterable[int] = (int(signal.SIGTERM), int(signal.SIGINT)),
) -> Graceful:
    """`async with graceful() as stop:` ends a program in order, on SIGTERM, on Ctrl-C or when the body is over.

    It stops accepting (`stop.closing(server)`), calls what it was given (`stop.on_stop(function)`, the last one first),
    waits for the body and for the tasks of the loop that were begun since the block was entered, whoever began them,
    cancels those that are left, the body among them, and logs by name and stack which of them do not stop
    (`stop.stuck`). Tasks that a cancelled task begins are cancelled when it is done and they are not. A second signal
    cuts the waiting short, and so does a third for those that were cancelled; then signals do what they did before.
    `await stop.wait()` waits for the signal.

    Args:
        drain: seconds that the body, these functions and tasks have to finish.
        cancel: seconds that cancelled tasks have to end.
        signals: what begins the end; handlers that were there before come back afterwards.
    Raises:
        ValueError, TypeError: these are no numbers of seconds.
        RuntimeError: no loop runs, or it runs outside the main thread, where there are no signals.
    Cancellation: a request to cancel waits until all of this is done; an exception of the body skips the draining. A
        body that ends with a CancelledError once it stops, for which nobody outside has asked (it was cancelled because
        the time was over, its server was closed), ends without an exception.
    """
    return Graceful(drain=drain, cancel=cancel, signals=signals)
