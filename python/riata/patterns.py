"""The patterns that production code keeps writing by hand: bounded concurrency, races, clean-up that finishes, graceful ends.

All of it runs on any asyncio loop.
"""

import asyncio
import logging
import signal
import traceback
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
)
from types import TracebackType
from typing import Any, Generic, TypeVar

from riata import _riata
from riata.exceptions import BaseExceptionGroup

__all__ = ["Graceful", "first_success", "gather_limited", "graceful", "map", "race", "shielded"]

T = TypeVar("T")
R = TypeVar("R")
_log = logging.getLogger("riata")


async def map(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int,
    timeout: float | None = None,
    ordered: bool = True,
) -> AsyncIterator[R]:
    """Call `fn` for each item, `limit` at a time, and give the results as they come.

    At most `limit` calls run or have a result that nobody has taken yet: a slow consumer holds the producers back,
    and `items` is read no further than that. An async generator is closed at the end.

    Args:
        fn: the async function to call.
        items: an iterable or an async iterable, which may have no end.
        limit: how many calls at a time, one at least.
        timeout: seconds for each call; `None` for ever.
        ordered: results in the order of the items; otherwise as they are ready.
    Raises:
        TimeoutError: a call took too long.
        Exception: what a call, or the iteration over `items`, has raised; calls that run are cancelled and awaited.
    Cancellation: calls that run are cancelled and awaited. Who leaves the loop early lets Python close the iterator;
        `async with contextlib.aclosing(riata.map(...))` does it at once.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    more: Callable[[], Awaitable[T]]
    if isinstance(items, AsyncIterable):
        more = items.__aiter__().__anext__
    else:
        more = _Stepper(items)
    running: list[asyncio.Task[R]] = []  # in the order of the items
    exhausted = False
    try:
        while True:
            while not exhausted and len(running) < limit:
                try:
                    item = await more()
                except StopAsyncIteration:
                    exhausted = True
                    break
                running.append(_start(_call(fn, item, timeout)))
                if not ordered and any(task.done() for task in running):
                    break
            if not running:
                return
            if ordered:
                await asyncio.wait(running[:1])
                ready = running[:1]
            else:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                ready = [task for task in running if task.done()]
            for task in ready:
                running.remove(task)
                yield task.result()
    finally:
        await _cancel_and_wait(running)
        if isinstance(items, AsyncGenerator):
            await items.aclose()


class _Stepper(Generic[T]):
    """The next item of an iterable, as an async iterable gives it."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)

    async def __call__(self) -> T:
        for item in self._items:
            return item
        raise StopAsyncIteration


async def _call(fn: Callable[[T], Awaitable[R]], item: T, timeout: float | None) -> R:
    if timeout is None:
        return await fn(item)
    async with _riata.timeout(timeout):
        return await fn(item)


def _start(coro: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    return asyncio.get_running_loop().create_task(coro)


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _as_tasks(awaitables: Iterable[Awaitable[T]]) -> "list[asyncio.Future[T]]":
    return [asyncio.ensure_future(awaitable) for awaitable in awaitables]


async def _cancel_and_wait(tasks: "Iterable[asyncio.Future[Any]]") -> None:
    """Cancel what is not done and wait for its end, however often we are cancelled meanwhile."""
    left = [task for task in tasks if not task.done()]
    for task in left:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while left:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError as error:
            cancelled = error
        left = [task for task in left if not task.done()]
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # counts as retrieved
    if cancelled is not None:
        raise cancelled


async def race(*awaitables: Awaitable[T]) -> T:
    """Return the result of the awaitable that ends first, or raise its exception; the others are cancelled and awaited.

    Raises:
        ValueError: there is no awaitable.
        Exception: what the first one has raised.
    Cancellation: all are cancelled and awaited.
    """
    if not awaitables:
        raise ValueError("race() needs at least one awaitable")
    tasks = _as_tasks(awaitables)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        winner = next(task for task in tasks if task.done())
    finally:
        await _cancel_and_wait(tasks)
    return winner.result()


async def first_success(*awaitables: Awaitable[T]) -> T:
    """Return the first result; awaitables that fail are passed over, and those that lose are cancelled and awaited.

    Raises:
        ValueError: there is no awaitable.
        ExceptionGroup: all have failed; one exception for each, in the order of the arguments.
    Cancellation: all are cancelled and awaited.
    """
    if not awaitables:
        raise ValueError("first_success() needs at least one awaitable")
    tasks = _as_tasks(awaitables)
    left = list(tasks)
    try:
        while left:
            await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in left if task.done()]:
                left.remove(task)
                if not task.cancelled() and task.exception() is None:
                    return task.result()
    finally:
        await _cancel_and_wait(tasks)
    failures = [_failure(task) for task in tasks]
    raise BaseExceptionGroup("no awaitable has succeeded", failures)


def _failure(task: "asyncio.Future[Any]") -> BaseException:
    try:
        task.result()
    except BaseException as error:
        return error
    raise AssertionError("unreachable: the task has failed")


def gather_limited(
    awaitables: tuple[Awaitable[Any], ...], limit: int, return_exceptions: bool
) -> "asyncio.Future[list[Any]]":
    """`riata.gather(..., limit=)`."""
    if limit < 1:
        for awaitable in awaitables:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
        raise ValueError(f"limit must be at least 1, not {limit}")
    return _start(_gather_limited(awaitables, limit, return_exceptions))


async def _gather_limited(
    awaitables: tuple[Awaitable[Any], ...], limit: int, return_exceptions: bool
) -> list[Any]:
    waiting = list(enumerate(awaitables))
    waiting.reverse()
    tasks: dict[asyncio.Future[Any], int] = {}
    results: list[Any] = [None] * len(awaitables)
    running: set[asyncio.Future[Any]] = set()
    try:
        while waiting or running:
            while waiting and len(running) < limit:
                index, awaitable = waiting.pop()
                task = asyncio.ensure_future(awaitable)
                tasks[task] = index
                running.add(task)
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for ended in sorted(done, key=lambda ended: tasks[ended]):
                if return_exceptions and (ended.cancelled() or ended.exception() is not None):
                    results[tasks[ended]] = _failure(ended)
                else:
                    results[tasks[ended]] = ended.result()
        return results
    except asyncio.CancelledError:
        await _cancel_and_wait(running)
        raise
    finally:
        for _, awaitable in waiting:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()


class shielded:
    """`async with shielded(timeout=5):` lets a clean-up finish, but not for ever.

    Requests to cancel the task are held back while the body runs, and raise CancelledError at its end. What is entered
    inside (timeouts, task groups) still cancels the body.

    Args:
        timeout: seconds; then the body is cancelled, and `TimeoutError` is raised. `None` waits for ever.
    Raises:
        TimeoutError: the body took too long.
        CancelledError: the task was cancelled meanwhile, and the body has finished.
        RuntimeError: not inside a task.
    """

    def __init__(self, *, timeout: float | None) -> None:
        self._seconds = timeout
        self._held: list[Any] = []
        self._task: Any = None

    def _hold(self, message: Any) -> None:
        self._held.append(message)

    def cancel(self, msg: Any = None) -> bool:
        """Stands before the `cancel` of a task that is not riata's."""
        self._hold(msg)
        return True

    async def __aenter__(self) -> "shielded":
        task: Any = asyncio.current_task()
        if task is None:
            raise RuntimeError("shielded should be used inside a task")
        if self._task is not None:
            raise RuntimeError("shielded has already been entered")
        self._task = task
        self._outer = getattr(task, "_riata_shield", None)
        self._put(self)
        self._timeout = _riata.timeout(self._seconds)
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        try:
            await self._timeout.__aexit__(exc_type, exc, tb)
        except BaseException:
            self._deliver()
            raise
        if self._deliver() and exc is None:
            await _riata.sleep(0)  # where the task is cancelled

    def _put(self, shield: "shielded | None") -> None:
        task = self._task
        task._riata_shield = shield
        if not isinstance(task, _riata.Task):
            if shield is None:
                del task.cancel
            else:
                task.cancel = shield.cancel

    def _deliver(self) -> bool:
        """Take the shield away; whether the task is cancelled now."""
        task, outer = self._task, self._outer
        self._put(outer)
        for message in self._held:
            if outer is not None:
                outer._hold(message)
            elif isinstance(task, _riata.Task):
                task._deliver(message)
            else:
                task.cancel(message)
        return bool(self._held) and outer is None


class Graceful:
    """What `graceful` gives: the servers and tasks that a program ends with."""

    def __init__(self, *, drain: float, cancel: float, signals: Iterable[int]) -> None:
        self.stopping: _riata.Event = _riata.Event()
        self.stuck: list[str] = []  # the names of the tasks that did not stop
        self._drain, self._cancel, self._signals = drain, cancel, tuple(signals)
        self._callbacks: list[Callable[[], Any]] = []
        self._hurry = _riata.Event()
        self._before: set[asyncio.Task[Any]] = set()
        self._previous: dict[int, Any] = {}
        self._loop = asyncio.get_running_loop()

    def closing(self, server: Any) -> Any:
        """Close a server (anything with `close()`) when the program is to stop; return it."""
        self._callbacks.append(server.close)
        return server

    def on_stop(self, callback: Callable[[], Any]) -> None:
        """Call a function, or an async function, when the program is to stop."""
        self._callbacks.append(callback)

    def create_task(
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None
    ) -> "asyncio.Task[T]":
        """Run a coroutine that is waited for at the end."""
        return self._loop.create_task(coro, name=name)

    def stop(self) -> None:
        """Begin to stop, as a signal does; a second time, wait no longer."""
        if self.stopping.is_set():
            self._hurry.set()
        self.stopping.set()

    async def wait(self) -> None:
        """Wait until the program is to stop."""
        await self.stopping.wait()

    async def __aenter__(self) -> "Graceful":
        self._before = asyncio.all_tasks()
        for number in self._signals:
            self._previous[number] = signal.getsignal(number)
            self._loop.add_signal_handler(number, self.stop)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stopping.set()
        try:
            async with shielded(timeout=None):
                await self._stop(hurry=exc is not None)
        finally:
            for number, handler in self._previous.items():
                self._loop.remove_signal_handler(number)
                if handler is not None:
                    signal.signal(number, handler)

    def _tasks(self) -> "set[asyncio.Task[Any]]":
        """What was begun since, and is not done."""
        return asyncio.all_tasks() - self._before - {_current()}

    async def _stop(self, *, hurry: bool) -> None:
        for callback in reversed(self._callbacks):
            try:
                outcome = callback()
                if asyncio.iscoroutine(outcome):
                    await _riata.wait_for(outcome, self._drain)
            except Exception as error:
                self._report("a function that graceful() was to call has failed", error)
        if not hurry:
            await self._wait_for_tasks(self._drain)
        for task in self._tasks():
            task.cancel("the program stops")
        await self._wait_for_tasks(self._cancel, hurried=False)
        for task in self._tasks():
            self.stuck.append(task.get_name())
            frames = task.get_stack()
            shown = (
                "".join(traceback.format_list(traceback.extract_stack(frames[-1])))
                if frames
                else ""
            )
            _log.error("task %r did not stop\n%s", task.get_name(), shown.rstrip())

    async def _wait_for_tasks(self, seconds: float, *, hurried: bool = True) -> None:
        """Wait until no task is left, the time is over or somebody cannot wait."""
        end = self._loop.time() + seconds
        hurry = self._loop.create_task(self._hurry.wait())
        try:
            while not (hurried and hurry.done()):
                tasks = self._tasks() - {hurry}
                left = end - self._loop.time()
                if not tasks or left <= 0:
                    break
                watched = {*tasks, hurry} if hurried else tasks
                await asyncio.wait(watched, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel_and_wait([hurry])

    def _report(self, message: str, error: Exception) -> None:
        self._loop.call_exception_handler({"message": message, "exception": error})


def _current() -> "asyncio.Task[Any]":
    task = asyncio.current_task()
    assert task is not None
    return task


def graceful(
    *,
    drain: float = 30.0,
    cancel: float = 5.0,
    signals: Iterable[int] = (int(signal.SIGTERM), int(signal.SIGINT)),
) -> Graceful:
    """`async with graceful() as stop:` ends a program in order, on SIGTERM, on Ctrl-C or when the body is over.

    It stops accepting (`stop.closing(server)`, `stop.on_stop(function)`), waits for the tasks that were begun in the
    block, cancels those that are left, and logs by name and stack which of them do not stop (`stop.stuck`). A second
    signal cuts the waiting short. `await stop.wait()` waits for the signal.

    Args:
        drain: seconds that tasks have to finish.
        cancel: seconds that cancelled tasks have to end.
        signals: what begins the end; handlers that were there before come back afterwards.
    Raises:
        RuntimeError: no loop runs, or it runs outside the main thread, where there are no signals.
    Cancellation: a request to cancel waits until all of this is done; an exception of the body skips the draining.
    """
    return Graceful(drain=drain, cancel=cancel, signals=signals)
