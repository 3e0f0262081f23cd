"""The patterns that production code keeps writing by hand: bounded concurrency, races, clean-up that finishes.

All of it runs on any asyncio loop.
"""

import asyncio
import inspect
import operator
import types
from collections import ChainMap, deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Generic, TypeVar

from riata import _riata
from riata.chains import stand_for
from riata.exceptions import BaseExceptionGroup

__all__ = [
    "cancel_and_wait",
    "checked_seconds",
    "close_unawaited",
    "entering_task",
    "first_success",
    "gather_limited",
    "map",
    "race",
    "shielded",
    "start_begun",
    "uncancel",
    "until_a_task_runs_it",
]

T = TypeVar("T")
R = TypeVar("R")


def map(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int,
    timeout: float | None = None,
    ordered: bool = True,
) -> AsyncGenerator[R, None]:
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
        ValueError, TypeError: the limit is not a number of calls, or `items` cannot be iterated over.
        TimeoutError: a call took too long.
        Exception: what a call, or the iteration over `items`, has raised; calls that run are cancelled and awaited.
            Should others have failed too, the loop's exception handler is told of these.
    Cancellation: calls that run are cancelled, with the same message, and awaited. Who leaves the loop early lets Python
        close the iterator; `async with contextlib.aclosing(riata.map(...))` does it at once.
    """
    limit, timeout = _checked_limit(limit), _checked_timeout(timeout)
    source = items.__aiter__() if isinstance(items, AsyncIterable) else _each(iter(items))
    return _map(fn, source, limit, timeout, ordered)


async def _each(items: Iterator[T]) -> AsyncGenerator[T, None]:
    for item in items:
        yield item


async def _map(
    fn: Callable[[T], Awaitable[R]],
    source: AsyncIterator[T],
    limit: int,
    timeout: float | None,
    ordered: bool,
) -> AsyncGenerator[R, None]:
    calls: _Running[R] = _Running("map", in_order=ordered)
    room = _riata.Event()
    stand_for(room, "map", held_by=calls.left)

    async def feed() -> None:
        """Read one item for each place that there is. One task does it all: the source may keep things in its context."""
        while True:
            while len(calls) >= limit:
                room.clear()
                await room.wait()
            try:
                item = await source.__anext__()
            except StopAsyncIteration:
                return
            if is_over:  # the source has swallowed our cancellation
                return
            calls.add(_start(_call(fn, item, timeout)))

    is_over = has_failed = False
    feeder = _start(feed())  # which an eager task begins at once
    feeder.add_done_callback(lambda _: calls.changed.set())
    stand_for(calls.changed, "map", held_by=ChainMap(calls.left, {feeder: None}))
    reason: tuple[Any, ...] = ("another call, or the source, has failed",)
    try:
        while True:
            calls.changed.clear()
            while calls.ready():
                ended = calls.line.popleft()
                room.set()
                yield ended.result()
            if feeder.done():
                feeder.result()
                if not calls.left:
                    return
            await calls.changed.wait()
    except GeneratorExit:
        reason = ("the iterator was closed",)
        raise
    except BaseException as error:
        has_failed = True
        if isinstance(error, asyncio.CancelledError):
            reason = _reason(error)
        raise
    finally:
        is_over = True
        try:
            await cancel_and_wait([feeder, *calls.left], *reason)
        finally:
            # Exceptions of tasks hold this frame, which is not to hold the tasks.
            calls.clear()
            ended = None  # type: ignore[assignment]
            if isinstance(source, AsyncGenerator):
                await _close_source(source, quietly=has_failed)


async def _close_source(source: AsyncGenerator[Any, None], *, quietly: bool) -> None:
    try:
        await source.aclose()
    except Exception as error:
        if not quietly:
            raise
        # What is being raised already would be lost.
        message = "the source of riata.map() failed when it was closed"
        context = {"message": message, "exception": error, "asyncgen": source}
        asyncio.get_running_loop().call_exception_handler(context)


async def _call(fn: Callable[[T], Awaitable[R]], item: T, timeout: float | None) -> R:
    if timeout is None:
        return await fn(item)
    async with _riata.timeout(timeout):
        return await fn(item)


def _checked_limit(limit: int) -> int:
    try:
        limit = operator.index(limit)
    except TypeError:
        raise TypeError(f"limit must be an integer, not {limit!r}") from None
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    return limit


def checked_seconds(seconds: float, name: str) -> float:
    """A time that can be waited for, and is not for ever."""
    try:
        is_good = 0 <= seconds < float("inf")
    except TypeError:
        raise TypeError(f"{name} must be a number of seconds, not {seconds!r}") from None
    if not is_good:
        raise ValueError(f"{name} must be a number of seconds, not {seconds!r}")
    return float(seconds)


def _checked_timeout(timeout: float | None) -> float | None:
    """As `riata.timeout` takes it, but for what is no number."""
    if timeout is None:
        return None
    try:
        is_number = timeout == timeout + 0
    except TypeError:
        raise TypeError(f"timeout must be a number of seconds or None, not {timeout!r}") from None
    if not is_number:
        raise ValueError(f"timeout must be a number of seconds or None, not {timeout!r}")
    return timeout


def _start(coro: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    return asyncio.get_running_loop().create_task(coro)


def _as_tasks(awaitables: Sequence[Awaitable[T]]) -> "list[asyncio.Future[T]]":
    """Begin what can be awaited; if there is anything else, begin nothing. What is given twice is awaited once, as by `asyncio.gather`."""
    _check_awaitables(awaitables)
    tasks = {key: asyncio.ensure_future(awaitable) for key, awaitable in _by_id(awaitables).items()}
    return [tasks[id(awaitable)] for awaitable in awaitables]


def _by_id(awaitables: Iterable[T]) -> dict[int, T]:
    return {id(awaitable): awaitable for awaitable in awaitables}


def _check_awaitables(awaitables: Sequence[Any]) -> None:
    for awaitable in awaitables:
        if not inspect.isawaitable(awaitable):
            for other in awaitables:
                close_unawaited(other)
            hint = "; several are several arguments" if isinstance(awaitable, Iterable) else ""
            raise TypeError(f"an awaitable is needed, not {awaitable!r}{hint}")


def close_unawaited(awaitable: Any) -> None:
    """What will not be awaited is closed, lest Python warn of it."""
    if asyncio.iscoroutine(awaitable):
        awaitable.close()


def _reason(cancellation: asyncio.CancelledError) -> tuple[Any, ...]:
    """The message of a cancellation, for those that are cancelled because of it, as an argument of `cancel`; none without one."""
    message = _riata.message_of(cancellation)
    return () if message is None else (message,)


async def cancel_and_wait(tasks: "Iterable[asyncio.Future[Any]]", *reason: Any) -> None:
    """Cancel what is not done and wait for its end, however often we are cancelled meanwhile."""
    left = [task for task in dict.fromkeys(tasks) if not task.done()]
    for task in left:
        task.cancel(*reason)
    await wait_until_done(left)


async def wait_until_done(tasks: "Iterable[asyncio.Future[Any]]") -> None:
    """Wait for their end, however often we are cancelled meanwhile; then the last of these requests is raised."""
    left = [task for task in tasks if not task.done()]
    cancelled: asyncio.CancelledError | None = None
    while left:
        try:
            await _riata.wait(left)
        except asyncio.CancelledError as error:
            cancelled = error
        left = [task for task in left if not task.done()]
    if cancelled is not None:
        try:
            raise cancelled
        finally:
            del cancelled


class _Running(Generic[T]):
    """Tasks that run, and a line of those whose end nobody has seen yet: each is looked at once, however many there are.

    Those in line stand in the order in which they end, or were added.
    """

    def __init__(
        self,
        operation: str,
        tasks: "Iterable[asyncio.Future[T]]" = (),
        *,
        in_order: bool = False,
    ) -> None:
        self.left: dict[asyncio.Future[T], None] = {}  # a set that keeps the order
        self.line: deque[asyncio.Future[T]] = deque()
        self.changed = _riata.Event()
        stand_for(self.changed, operation, held_by=self.left)
        self._in_order = in_order
        for task in dict.fromkeys(tasks):
            self.add(task)

    def __len__(self) -> int:
        return len(self.line) if self._in_order else len(self.left) + len(self.line)

    def add(self, task: "asyncio.Future[T]") -> None:
        self.left[task] = None
        if self._in_order:
            self.line.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Future[T]") -> None:
        self.left.pop(task, None)
        if not self._in_order:
            self.line.append(task)
        self.changed.set()

    def ready(self) -> bool:
        """Whether the first in line has ended."""
        return bool(self.line) and self.line[0].done()

    async def next(self) -> "asyncio.Future[T]":
        """Wait for one, and take it out of the line."""
        while not self.ready():
            self.changed.clear()
            await self.changed.wait()
        return self.line.popleft()

    def clear(self) -> None:
        self.left.clear()
        self.line.clear()


def _forgive(tasks: "Iterable[asyncio.Future[Any]]") -> None:
    """Failures that nobody will see are not to be reported as such."""
    for task in tasks:
        if task.done():
            _retrieve(task)
        else:
            task.add_done_callback(_retrieve)


def _retrieve(task: "asyncio.Future[Any]") -> None:
    if not task.cancelled():
        task.exception()


async def race(*awaitables: Awaitable[T]) -> T:
    """Return the result of the awaitable that ends first, or raise its exception; the others are cancelled and awaited.

    Raises:
        ValueError, TypeError: there is no awaitable, or something else among them.
        Exception: what the first one has raised. The loop's exception handler is told of a loser that fails.
    Cancellation: all are cancelled, with the same message, and awaited.
    """
    if not awaitables:
        raise ValueError("race() needs at least one awaitable")
    tasks = _as_tasks(awaitables)
    reason: tuple[Any, ...] = ("another awaitable has ended first",)
    try:
        try:
            winner = await _Running("race", tasks).next()
        except asyncio.CancelledError as error:
            reason = _reason(error)
            raise
        finally:
            await cancel_and_wait(tasks, *reason)
        return winner.result()
    finally:
        del tasks, awaitables  # whose exceptions hold this frame
        winner = None  # type: ignore[assignment]


async def first_success(*awaitables: Awaitable[T]) -> T:
    """Return the first result; awaitables that fail are passed over, and those that lose are cancelled and awaited.

    Raises:
        ValueError, TypeError: there is no awaitable, or something else among them.
        ExceptionGroup: all have failed; one exception for each, in the order of the arguments.
    Cancellation: all are cancelled, with the same message, and awaited.
    """
    if not awaitables:
        raise ValueError("first_success() needs at least one awaitable")
    tasks = _as_tasks(awaitables)
    running = _Running("first_success", tasks)
    reason: tuple[Any, ...] = ("another awaitable has succeeded",)
    try:
        try:
            while running:
                ended = await running.next()
                if not _has_failed(ended):
                    return ended.result()
        except asyncio.CancelledError as error:
            reason = _reason(error)
            raise
        finally:
            await cancel_and_wait(tasks, *reason)
        raise BaseExceptionGroup("no awaitable has succeeded", [_failure(t) for t in tasks])
    finally:
        del tasks, running, awaitables  # whose exceptions hold this frame
        ended = None  # type: ignore[assignment]


def _has_failed(task: "asyncio.Future[Any]") -> bool:
    return task.cancelled() or task.exception() is not None


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
    _check_awaitables(awaitables)
    try:
        limit = _checked_limit(limit)
    except (TypeError, ValueError):
        for awaitable in awaitables:
            close_unawaited(awaitable)
        raise
    return start_begun(_gather_limited(awaitables, limit, return_exceptions))


async def _gather_limited(
    awaitables: tuple[Awaitable[Any], ...], limit: int, return_exceptions: bool
) -> list[Any]:
    # What is given twice is awaited once.
    waiting = list(_by_id(awaitables).values())
    waiting.reverse()
    tasks: dict[int, asyncio.Future[Any]] = {}  # by the id of the awaitable
    running: _Running[Any] = _Running("gather")
    failed: asyncio.Future[Any] | None = None
    try:
        try:
            await until_a_task_runs_it()
            while waiting or running:
                while waiting and len(running) < limit:
                    awaitable = waiting.pop()
                    tasks[id(awaitable)] = asyncio.ensure_future(awaitable)
                    running.add(tasks[id(awaitable)])
                ended = await running.next()
                if not return_exceptions and _has_failed(ended):
                    failed = ended
                    break
        except asyncio.CancelledError as error:
            for future in filter(asyncio.isfuture, waiting):
                future.cancel(*_reason(error))
            await cancel_and_wait(running.left, *_reason(error))
            if not return_exceptions:
                # As in asyncio, the first of them that ends without a result says how this one ends.
                failed = next(filter(_has_failed, running.line), None)
            if failed is None:
                raise
        if failed is not None:
            return failed.result()  # type: ignore[no-any-return] # which raises
        return [_outcome(tasks[id(awaitable)]) for awaitable in awaitables]
    finally:
        for awaitable in waiting:
            close_unawaited(awaitable)
        _forgive(tasks.values())
        del awaitables, waiting, tasks, running, failed  # whose exceptions hold this frame
        ended = None  # type: ignore[assignment]


def start_begun(coro: Coroutine[Any, Any, T], *, name: str | None = None) -> "asyncio.Task[T]":
    """A task of a coroutine that first awaits `until_a_task_runs_it`."""
    coro.send(None)
    return asyncio.get_running_loop().create_task(coro, name=name)


@types.coroutine
def until_a_task_runs_it() -> Generator[None, None, None]:
    """Where the coroutine of `start_begun` waits: a request to cancel that precedes the first step of its task finds it begun, and
    what it has in hand can be cleaned up.
    """
    yield


def _outcome(task: "asyncio.Future[Any]") -> Any:
    return _failure(task) if _has_failed(task) else task.result()


def entering_task(name: str, before: Any) -> Any:
    """The task that enters a block of this name, unless one has before.

    Raises:
        RuntimeError: it is none, or not the first.
    """
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError(f"{name} should be used inside a task")
    if before is not None:
        raise RuntimeError(f"{name} has already been entered")
    return task


def uncancel(task: Any) -> None:
    """Take back a request to cancel; tasks of asyncio do not count them before 3.11."""
    if hasattr(task, "uncancel"):
        task.uncancel()


def _put(task: Any, shield: "shielded | Uncancellable | None") -> None:
    """Let requests to cancel a task come to a shield."""
    task._riata_shield = shield
    if not isinstance(task, _riata.Task):
        if shield is None:
            del task.cancel
        else:
            task.cancel = shield.cancel


class Uncancellable:
    """Stands in place of a shield on a task that must not be cut short and ends by itself: requests to cancel it are not heard."""

    @classmethod
    def put_on(cls, task: "asyncio.Task[Any]") -> None:
        if not task.done():
            _put(task, cls())

    @classmethod
    def take_from(cls, task: "asyncio.Task[Any]") -> None:
        if isinstance(getattr(task, "_riata_shield", None), cls):
            _put(task, None)

    def _hold(self, message: Any, origin: Any = None) -> bool:
        return True

    def cancel(self, msg: Any = None) -> bool:
        """Stands before the `cancel` of a task that is not riata's."""
        return self._hold(msg)


_within: "ContextVar[shielded | None]" = ContextVar("within", default=None)


class shielded:
    """`async with shielded(timeout=5):` lets a clean-up finish, but not for ever.

    Requests to cancel the task that come from outside are held back while the body runs, and raise CancelledError at its
    end, in the task that entered it: another one may close the async generator that it is in. What is entered or begun
    inside (timeouts, task groups, tasks) still cancels the body.

    Args:
        timeout: seconds; then the body is cancelled, and `TimeoutError` is raised. `None` waits for ever.
    Raises:
        TimeoutError: the body took too long.
        CancelledError: the task was cancelled meanwhile, and the body has finished.
        RuntimeError: not inside a task, or entered twice.
    """

    def __init__(self, *, timeout: float | None) -> None:
        self._seconds = _checked_timeout(timeout)
        # Message, origin, and how often in a row.
        self._held: list[tuple[Any, shielded | None, int]] = []
        self._task: Any = None
        self._outer: shielded | None = None
        self._around: shielded | None = (
            None  # in the context, which may be of the task that made this one
        )

    def _hold(self, message: Any, origin: "shielded | None" = None) -> bool:
        """Keep a request, unless it comes from inside: what is begun there has the context."""
        return self._keep(message, origin or _within.get())

    def _keep(self, message: Any, origin: "shielded | None") -> bool:
        if origin is not None and self in origin._chain():
            return False
        before, from_where, times = self._held[-1] if self._held else (None, None, 0)
        # A cancel scope of anyio's asks again in every turn, and takes each of its requests back.
        is_same = before is message or (type(message) is str and before == message)
        if times and is_same and from_where is origin:
            self._held[-1] = before, origin, times + 1
        else:
            self._held.append((message, origin, 1))
        return True

    def forget(self, message: Any) -> None:
        """Take back what was held of the requests with this very message."""
        self._held = [held for held in self._held if held[0] is not message]

    def _chain(self) -> "list[shielded]":
        """This one and those around it."""
        return [self, *(self._outer._chain() if self._outer else ())]

    def cancel(self, msg: Any = None) -> bool:
        """Stands before the `cancel` of a task that is not riata's."""
        return self._hold(msg) or type(self._task).cancel(self._task, msg)

    async def __aenter__(self) -> "shielded":
        task = entering_task("shielded", self._task)
        timeout = _riata.timeout(self._seconds)
        outer: shielded | None = getattr(task, "_riata_shield", None)
        if getattr(task, "_must_cancel", False):
            # A request that came before, and is not delivered yet: it is held back as well. The shield around this one, if there is
            # one, has let it pass.
            try:
                await _riata.sleep(0)
            except asyncio.CancelledError as error:
                self._held.append((error.args[0] if error.args else None, outer, 1))
                uncancel(task)
        self._task = task
        self._outer = outer
        _put(task, self)
        self._around = _within.get()
        _within.set(self)
        self._timeout = timeout
        await timeout.__aenter__()
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
            self._end()
            raise
        if self._end() and exc is None:
            await _riata.sleep(0)  # where the task is cancelled

    def _end(self) -> bool:
        """Take the shield away and deliver what it held; whether the current task is cancelled now.

        An async generator may be closed by another task, in another context, and while its own is in a shield that it
        entered later.
        """
        task, innermost = self._task, self._take_away()
        if _within.get() is self:
            _within.set(self._around)
        here = asyncio.current_task() is task
        delivered = False
        told = [message for message, *_ in self._held if message is not None]
        each = [(message, origin) for message, origin, times in self._held for _ in range(times)]
        for message, origin in each:
            if innermost is not None and innermost._keep(message, origin):
                continue
            # Of several the last one is seen: one without a message says less than one before that has one.
            message = told[-1] if message is None and told else message
            if here and isinstance(task, _riata.Task):
                task._deliver(message)
            else:
                type(task).cancel(task, message)
            delivered = here
        return delivered

    def _take_away(self) -> "shielded | None":
        """Take this one from its task; return the innermost that is left."""
        innermost: shielded | None = self._task._riata_shield
        if innermost is self:
            _put(self._task, self._outer)
            return self._outer
        inner: Any = innermost
        while inner._outer is not self:
            inner = inner._outer
        inner._outer = self._outer
        return innermost
