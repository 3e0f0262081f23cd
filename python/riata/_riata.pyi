"""Types of the extension module.

Its classes derive from nothing of asyncio's at run time; their methods have asyncio's signatures, and the `__class__` of
futures, tasks and handles answers asyncio's class. Checkers are told that all are subclasses, since code that wants
asyncio's must take ours. What no checker knows: a loop is an `asyncio.AbstractEventLoop` to `isinstance`, and not an
`asyncio.SelectorEventLoop` (uvloop's is none either); `issubclass` tells our classes from asyncio's.
"""

import asyncio
import sys
from asyncio import shield as shield
from asyncio import sleep as sleep
from asyncio import wait as wait
from asyncio import wait_for as wait_for
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextvars import Context
from types import TracebackType
from typing import Any, Literal, TypeAlias, TypedDict, TypeVar, final, overload

from typing_extensions import NotRequired, Self, disjoint_base

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

__version__: str

class _BuildInfo(TypedDict):
    version: str
    profile: str  # "release" or "debug"
    target: str  # Rust's target triple
    driver: str  # what waits for the kernel: "epoll" or "kqueue"
    python: str  # the Python that the extension was built for
    commit: NotRequired[str]  # missing where the build does not know it

def build_info() -> _BuildInfo: ...

@disjoint_base
class Future(asyncio.Future[_T]): ...

@disjoint_base
class Task(asyncio.Task[_T_co]):  # pyright: ignore[reportInvalidTypeArguments]
    def _deliver(self, message: object, /) -> None: ...
    # `context` and `eager_start` are there on every Python.
    def __init__(
        self,
        coro: Generator[Any, None, _T_co] | Coroutine[Any, Any, _T_co],
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        name: str | None = None,
        context: Context | None = None,
        eager_start: bool = False,
    ) -> None: ...

@disjoint_base
class Lock(asyncio.Lock):
    def _holders(self) -> list[Any]: ...

@disjoint_base
class Event(asyncio.Event): ...

@disjoint_base
class Condition(asyncio.Condition):
    def _holders(self) -> list[Any]: ...

@disjoint_base
class Semaphore(asyncio.Semaphore):
    def _holders(self) -> list[Any]: ...

@disjoint_base
class BoundedSemaphore(Semaphore): ...

@disjoint_base
class Queue(asyncio.Queue[_T]):
    # On every Python.
    def shutdown(self, immediate: bool = False) -> None: ...

class LifoQueue(Queue[_T]):
    def __new__(cls, maxsize: int = 0) -> Self: ...

class PriorityQueue(Queue[_T]):
    def __new__(cls, maxsize: int = 0) -> Self: ...

@final
class Timeout:
    def __init__(self, when: float | None) -> None: ...
    def when(self) -> float | None: ...
    def reschedule(self, when: float | None) -> None: ...
    def expired(self) -> bool: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None: ...

def timeout(delay: float | None) -> Timeout: ...
def timeout_at(when: float | None) -> Timeout: ...
def time_left() -> float | None: ...
def message_of(cancellation: BaseException) -> Any: ...

@disjoint_base
class TaskGroup:
    def __init__(
        self,
        *,
        limit: int | None = None,
        deadline: float | None = None,
        on_error: Literal["cancel", "collect"] = "cancel",
        name: str | None = None,
        results: bool | None = None,
    ) -> None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def cancelled(self) -> bool: ...
    async def spawn(
        self,
        coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[_T]: ...
    def cancel(self, reason: object = None) -> None: ...
    def results(self) -> list[Any]: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        et: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None: ...
    def create_task(
        self,
        coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[_T]: ...

_T1 = TypeVar("_T1")
_T2 = TypeVar("_T2")
_T3 = TypeVar("_T3")
_T4 = TypeVar("_T4")
_FutureLike: TypeAlias = asyncio.Future[_T] | Awaitable[_T]

# asyncio's overloads, with a limit.
@overload
def gather(  # type: ignore[overload-overlap]
    aw1: _FutureLike[_T1],
    /,
    *,
    return_exceptions: Literal[False] = False,
    limit: int | None = None,
) -> asyncio.Future[tuple[_T1]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    aw1: _FutureLike[_T1],
    aw2: _FutureLike[_T2],
    /,
    *,
    return_exceptions: Literal[False] = False,
    limit: int | None = None,
) -> asyncio.Future[tuple[_T1, _T2]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    aw1: _FutureLike[_T1],
    aw2: _FutureLike[_T2],
    aw3: _FutureLike[_T3],
    /,
    *,
    return_exceptions: Literal[False] = False,
    limit: int | None = None,
) -> asyncio.Future[tuple[_T1, _T2, _T3]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    aw1: _FutureLike[_T1],
    aw2: _FutureLike[_T2],
    aw3: _FutureLike[_T3],
    aw4: _FutureLike[_T4],
    /,
    *,
    return_exceptions: Literal[False] = False,
    limit: int | None = None,
) -> asyncio.Future[tuple[_T1, _T2, _T3, _T4]]: ...
@overload
def gather(
    *coros_or_futures: _FutureLike[_T],
    return_exceptions: Literal[False] = False,
    limit: int | None = None,
) -> asyncio.Future[list[_T]]: ...
@overload
def gather(
    *coros_or_futures: _FutureLike[_T],
    return_exceptions: bool,
    limit: int | None = None,
) -> asyncio.Future[list[_T | BaseException]]: ...

@final
class Operation:
    """What the native primitives return to be awaited."""

    __name__: str
    __qualname__: str
    @property
    def cr_await(self) -> Any: ...
    @property
    def _owner(self) -> Any: ...
    @property
    def _argument(self) -> Any: ...

@final
class Handle(asyncio.Handle): ...

@final
class TimerHandle(asyncio.TimerHandle): ...

@final
class SSLProtocol(asyncio.BufferedProtocol):
    """TLS between a transport and a program's protocol; `riata.tls` says who gets it."""

    def __new__(
        cls,
        loop: asyncio.AbstractEventLoop,
        app_protocol: asyncio.BaseProtocol,
        sslcontext: Any,
        waiter: asyncio.Future[None] | None,
        server_side: bool = False,
        server_hostname: str | None = None,
        call_connection_made: bool = True,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> Self: ...

class _SelectorDatagramTransport(asyncio.DatagramTransport):
    _target: int

    def __init__(
        self,
        loop: Any,
        sock: Any,
        protocol: Any,
        address: Any = None,
        waiter: Any = None,
        extra: Any = None,
    ) -> None: ...

class _UnixReadPipeTransport(asyncio.ReadTransport):
    def __init__(
        self, loop: Any, pipe: Any, protocol: Any, waiter: Any = None, extra: Any = None
    ) -> None: ...

class _UnixWritePipeTransport(asyncio.WriteTransport):
    def __init__(
        self, loop: Any, pipe: Any, protocol: Any, waiter: Any = None, extra: Any = None
    ) -> None: ...

@final
class Watchdog:
    def __new__(cls, signal: int) -> Self: ...
    def is_handled(self) -> bool: ...

@disjoint_base
class Loop(asyncio.SelectorEventLoop):
    def __new__(cls, *_args: Any, _simulated: bool = False, **_kwargs: Any) -> Self: ...
    def __init__(self) -> None: ...
    if sys.version_info >= (3, 14):
        def create_task(
            self, coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T], **kwargs: Any
        ) -> asyncio.Task[_T]: ...

    elif sys.version_info >= (3, 11):
        def create_task(
            self,
            coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
            *,
            name: object = None,
            context: Context | None = None,
        ) -> asyncio.Task[_T]: ...

    else:
        def create_task(
            self,
            coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
            *,
            name: object = None,
        ) -> asyncio.Task[_T]: ...

    # What `riata.event_loop` builds on. Not for programs.
    def _attach(self) -> None: ...
    def _run(self) -> None: ...
    def _close(self) -> None: ...
    def _before_fork(self) -> None: ...
    def _forked(self) -> None: ...
    _debug: bool
    _task_site: Callable[[], object] | None
    def _watch(self, watchdog: Watchdog, after: float) -> None: ...
    def _unwatch(self) -> None: ...
    def _pending(self) -> tuple[int, int, int]: ...
    @property
    def _simulated(self) -> bool: ...
    def _advance(self, seconds: float) -> None: ...
    _overdue_at: float  # to be set only
    def _stuck(self) -> None: ...
    def _overdue(self) -> None: ...
    def _native_tasks(self) -> list[asyncio.Task[Any]]: ...
    def _forget_task(self, task: asyncio.Task[Any]) -> None: ...
    @property
    def _scheduled(self) -> list[asyncio.TimerHandle]: ...

    # asyncio's own functions, which `riata.event_loop` puts on its class by name.
    def _ensure_fd_no_transport(self, fd: Any) -> None: ...
    def _all_transports(self) -> list[Any]: ...
    def _transport_of(self, fd: Any) -> Any: ...
    def _enroll_transport(self, fd: Any, transport: Any, weak: Any) -> None: ...
    def _forget_transport(self, fd: Any) -> None: ...
    def _watched_events(self, fd: Any) -> tuple[bool, bool]: ...
    def _make_socket_transport(
        self,
        sock: Any,
        protocol: asyncio.BaseProtocol,
        waiter: Any = None,
        *,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        context: Any = None,
    ) -> asyncio.Transport: ...
    def _remove_reader(self, fd: Any) -> bool: ...
    def _check_closed(self) -> None: ...
    def _check_running(self) -> None: ...
    def _asyncgen_firstiter_hook(self, agen: AsyncGenerator[Any, Any]) -> None: ...
    def _asyncgen_finalizer_hook(self, agen: AsyncGenerator[Any, Any]) -> None: ...
    def _process_self_data(self, data: bytes) -> None: ...
