"""What a test leaves behind on its loops and beside them, as text with the line that made it.

Everything that is made is known with its owner (`sites.py`). It is looked for twice: on a loop before that ends, all there is;
and when a test is over, what is its own on loops that outlive it, and its sockets.
"""

import asyncio
import functools
import gc
import os
import socket
import sys
import time
import traceback
import warnings
import weakref
from collections.abc import Callable, Generator, Iterator
from traceback import FrameSummary
from types import CodeType, CoroutineType, coroutine
from typing import Any

from riata import _riata
from riata.chains import frame_of, place, shown
from riata.task_dump import describe_task
from riata.testing.sites import Owner, Site, current_owner, is_of_runner, make_site, owned_by
from riata.wait_graph import waiting_tasks

__all__ = [
    "ORIGIN_DEPTH",
    "Made",
    "collect_young",
    "late",
    "look_after",
    "look_at",
    "look_at_exception",
    "remember_test",
    "watch_coroutines",
    "watch_sockets",
]

# Turns of the loop in which what is about to end may do so: a task that was cancelled, the other end of a connection.
_TURNS = 20
# And how long what needs time may take: a job of an executor, a process, a task that was cancelled. Seconds.
_MOMENT = 0.1
# How many frames are known of where a coroutine was made: the first may be of the loop, whose own method it is of.
ORIGIN_DEPTH = 2

# What was found after its test was over, with the name of the test.
late: "list[tuple[str, str]]" = []

# The real ones, also in virtual time.
_now: Callable[[], float] = functools.partial(time.monotonic)
_sleep: Callable[[float], None] = functools.partial(time.sleep)
_LOOP_FILE = os.path.join(os.path.dirname(__file__), "loop.py")

# Whose what the collector has found may be.
_UNKNOWN = Owner("of this test, or of one before")
_UNKNOWN.is_over = True
_is_collecting = False
# Whether a collection is ours, at the end of a test, of what that has just made.
_is_asked = False

_sockets: "weakref.WeakKeyDictionary[socket.socket, Site]" = weakref.WeakKeyDictionary()
_told: "weakref.WeakSet[Any]" = weakref.WeakSet()
# By file, the code of tests: where a coroutine was made says which test that was.
_tests: "dict[str, list[tuple[CodeType, Owner]]]" = {}


class Made:
    """What was made on one loop, beside tasks and connections, which the loop knows itself."""

    def __init__(self) -> None:
        self.generators: weakref.WeakKeyDictionary[Any, Site | None] = weakref.WeakKeyDictionary()
        self.pipes: weakref.WeakKeyDictionary[Any, Site | None] = weakref.WeakKeyDictionary()
        self.servers: weakref.WeakKeyDictionary[Any, Site | None] = weakref.WeakKeyDictionary()
        self.processes: weakref.WeakKeyDictionary[Any, Site | None] = weakref.WeakKeyDictionary()
        self.jobs: set[_Job] = set()
        # What runs all in one task, if that is wanted.
        self.task: Any = None
        # Whether the loop has been looked at for the last time.
        self.ends = False

    def job(self, function: Callable[..., Any], site: "Site | None") -> "_Job":
        """The function, for an executor to call."""
        return _Job(function, site, self.jobs)


class _Job:
    """A function that an executor calls; among `running` while it does."""

    def __init__(
        self, function: Callable[..., Any], site: "Site | None", running: "set[_Job]"
    ) -> None:
        self.function: Callable[..., Any] = function
        self.site: Site | None = site
        self._running = running

    def __call__(self, *args: Any) -> Any:
        self._running.add(self)
        try:
            return self.function(*args)
        finally:
            self._running.discard(self)


def look_at(loop: Any) -> None:
    """Tell of all that is left on a loop that is about to end."""
    if current_owner() is None or loop.is_running() or loop.is_closed() or loop.made.ends:
        return
    loop.made.ends = True
    _look(loop, None)


def look_after(owner: Owner, loops: "list[Any]") -> None:
    """Tell of what is left of a test that is over: on these loops, and its sockets."""
    if not owner.has_run:
        return
    for loop in loops:
        _look(loop, owner)
    for sock, site in list(_sockets.items()):
        if site[2] is owner and sock.fileno() != -1 and sock not in _told:
            _told.add(sock)
            _tell(site, f"{shown(sock)}, open")


def _look(loop: Any, owner: "Owner | None") -> None:
    if not any(True for _ in _left(loop, owner)):
        return
    loop.run_until_complete(_let_end(loop, owner))
    waiting = waiting_tasks(loop)
    for thing, site, text in list(_left(loop, owner)):
        _told.add(thing)
        if isinstance(thing, asyncio.Task):
            _tell(site, describe_task(thing, loop, waiting), told_where=True)
            continue
        if isinstance(thing, asyncio.BaseTransport):
            _told.add(_socket_of(thing))
        _told.update(getattr(thing, "_sockets", None) or ())
        _tell(site, text)


async def _let_end(loop: Any, owner: "Owner | None") -> None:
    turns, end = 0, _now() + _MOMENT
    while turns < _TURNS or (_takes_a_moment(loop, owner) and _now() < end):
        turns += 1
        await _turn()
        if not any(True for _ in _left(loop, owner)):
            return
        if turns > _TURNS:
            _sleep(0.001)  # for threads and processes


def _takes_a_moment(loop: Any, owner: "Owner | None") -> bool:
    """Whether a thread or a process is about to end, or a task that was cancelled."""
    if loop._simulated:
        return False
    return bool(loop.made.jobs) or any(
        thing in loop.made.processes or getattr(thing, "cancelling", int)() > 0
        for thing, *_ in _left(loop, owner)
    )


@coroutine
def _turn() -> Generator[None, None, None]:
    """As `sleep(0)`, which a test may have replaced."""
    yield


def _left(loop: Any, owner: "Owner | None") -> "Iterator[tuple[Any, Site, str]]":
    """What is left on a loop, where it was made, and what it is; only what is this owner's, if one is given."""
    for thing, site, text in _all_left(loop, with_foreign=owner is None):
        if thing in _told or site is None or site[2] is None:
            continue
        if owner in (None, site[2]):
            yield thing, site, text


def _all_left(loop: Any, *, with_foreign: bool) -> "Iterator[tuple[Any, Any, str]]":
    for task in asyncio.all_tasks(loop) - {asyncio.current_task(loop)}:
        if isinstance(task, _riata.Task):
            yield task, getattr(task, "_made_at", None), ""
        elif with_foreign:
            # Of a factory of the program's, or of asyncio's: nobody knows where it was made, nor for whom.
            yield task, _site_of_foreign(task), ""
    made: Made = loop.made
    for generator, site in list(made.generators.items()):
        if generator.ag_frame is not None and generator in loop._asyncgens:
            yield generator, site, f"async generator {generator.__qualname__!r}, unfinished"
    for job in list(made.jobs):
        yield job, job.site, f"job {shown(job.function)} of an executor, running"
    for process, site in list(made.processes.items()):
        if process.get_returncode() is None:
            yield process, site, f"process {process.get_pid()}, running"
    for pipe, site in list(made.pipes.items()):
        # Those to a process belong to it.
        is_of_process = type(pipe.get_protocol()).__module__ == "asyncio.base_subprocess"
        if not pipe.is_closing() and not is_of_process:
            yield pipe, site, f"transport {shown(pipe)}, open"
    for server, site in list(made.servers.items()):
        if server.sockets:
            yield server, site, f"{shown(server)}, open"
    for transport in loop._all_transports():
        if not transport.is_closing():
            text = f"transport {shown(transport)}, open"
            site = _sockets.get(_socket_of(transport))
            server = getattr(transport, "_server", None)
            if site is None and server in made.servers:
                site, text = made.servers[server], f"{text}, accepted by a server"
            yield transport, site, text


def _site_of_foreign(task: "asyncio.Task[Any]") -> "Site | None":
    """Its coroutine, for the test that is under way; none for what a test runner runs."""
    frame = frame_of(task.get_coro())
    if frame is None or is_of_runner(frame):
        return None
    return frame.f_code, frame.f_code.co_firstlineno, current_owner()


def _socket_of(transport: Any) -> Any:
    with owned_by(None):  # one that was accepted gets its socket when somebody asks
        sock = transport.get_extra_info("socket")
    return getattr(sock, "_sock", None) or transport


def look_at_exception(context: "dict[str, Any]") -> None:
    """Tell of an exception that nobody has retrieved, which an exception handler is called for."""
    if not str(context.get("message")).endswith("exception was never retrieved"):
        return
    future = context.get("task") or context.get("future")
    site = getattr(future, "_made_at", None)
    if isinstance(context.get("exception"), asyncio.CancelledError):
        return  # of a gather that was cancelled and not awaited
    name = f"task {future.get_name()!r}" if isinstance(future, asyncio.Task) else "a future"
    text = f"exception of {name}, never retrieved: {shown(context.get('exception'))}"
    if site is not None and site[2] is not None:
        _tell(site, text)
    elif site is None and current_owner() is not None:
        # Nobody knows which test made it, if the collector has found it, or its loop was that of another one.
        is_old = _is_collecting or (future is not None and future.get_loop().is_closed())
        _tell_owner(_UNKNOWN if is_old else current_owner(), text)


def _tell(site: Site, text: str, *, told_where: bool = False) -> None:
    code, line, owner = site
    if not told_where:
        text = f"{text}\n  made in {place(code, line)}"
    _tell_owner(owner, text)


def _tell_owner(owner: "Owner | None", text: str) -> None:
    if owner is not None and owner.outlives_tests:
        text = f"{text}\n  by {owner.name}"
        owner = current_owner()
    if owner is None:
        return  # between tests, where nothing is theirs
    if owner.is_over:
        late.append((owner.name, text))
    else:
        owner.leaks.append(text)


def watch_sockets() -> "Callable[[], None]":
    """Know where each socket is made, until what is returned is called."""
    before = socket.socket.__init__

    def made(self: socket.socket, *args: Any, **kwargs: Any) -> None:
        before(self, *args, **kwargs)
        if current_owner() is not None and not _is_the_loops(sys._getframe(1), kwargs):
            site = make_site(sys._getframe(1))
            if site is not None:
                _sockets[self] = site

    made.__wrapped__ = before  # type: ignore[attr-defined]
    socket.socket.__init__ = made  # type: ignore[method-assign]

    def end() -> None:
        if socket.socket.__init__ is made:
            socket.socket.__init__ = before  # type: ignore[method-assign]

    return end


def _is_the_loops(frame: Any, arguments: "dict[str, Any]") -> bool:
    """Whether the loop makes a socket for itself, or an object for the socket of a connection that it has accepted."""
    if arguments.get("fileno") is not None and frame.f_globals.get("__name__") != "socket":
        return True
    while frame is not None and frame.f_globals.get("__name__") == "socket":
        frame = frame.f_back
    return frame is not None and str(frame.f_globals.get("__name__")) == "riata.event_loop"


def remember_test(function: Any, owner: Owner) -> None:
    """The function of a test, for coroutines that are found when it is over."""
    code = getattr(function, "__code__", None)
    if code is not None:
        _tests.setdefault(code.co_filename, []).append((code, owner))


def _owner_of_line(file: str, line: int) -> "Owner | None":
    """The test, the last one if there are several, whose function has this line."""
    for code, owner in reversed(_tests.get(file, [])):
        if code.co_firstlineno <= line <= _last_line(code):
            return owner
    return None


def _last_line(code: CodeType) -> int:
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    lines = [line for *_, line in code.co_lines() if line is not None]
    return max([code.co_firstlineno, *lines, *map(_last_line, inner)])


def _note_collection(phase: str, info: "dict[str, int]") -> None:
    global _is_collecting
    _is_collecting = phase == "start" and not _is_asked


def collect_young() -> None:
    """What a test has dropped in a ring is found now, and not in the middle of another one."""
    global _is_asked
    _is_asked = True
    try:
        gc.collect(0)
    finally:
        _is_asked = False


def watch_coroutines() -> "Callable[[], None]":
    """Tell of coroutines that are never awaited, until what is returned is called."""
    names: Any = warnings
    before = names._warn_unawaited_coroutine

    def warn_unawaited_coroutine(coro: "CoroutineType[Any, Any, Any]") -> None:
        origin: tuple[tuple[str, int, str], ...] = coro.cr_origin or ()
        message = f"coroutine '{coro.__qualname__}' was never awaited"
        if len(origin) > ORIGIN_DEPTH:
            # Not by us, but by debug mode: that much is known without telling.
            frames = [FrameSummary(file, line, name) for file, line, name in reversed(origin)]
            stack = "".join(traceback.format_list(frames)).rstrip("\n")
            message = f"{message}\nCoroutine created at (most recent call last)\n{stack}"
        # From here, not by asking `before`: the level says whose line it is.
        warnings.warn(message, category=RuntimeWarning, stacklevel=2, source=coro)
        if origin:
            # Not the loop's own frame, if there is another.
            theirs = [frame for frame in origin if frame[0] != _LOOP_FILE]
            file, line, function = theirs[0] if theirs else origin[0]
            owner = _owner_of_line(file, line)
            if owner is None and current_owner() is not None:
                owner = _UNKNOWN if _is_collecting else current_owner()
            text = f"coroutine {coro.__qualname__!r}, never awaited"
            if owner is not None:
                _tell_owner(owner, f"{text}\n  made in {function} ({file}:{line})")

    names._warn_unawaited_coroutine = warn_unawaited_coroutine
    gc.callbacks.append(_note_collection)

    def end() -> None:
        gc.callbacks.remove(_note_collection)
        if names._warn_unawaited_coroutine is warn_unawaited_coroutine:
            names._warn_unawaited_coroutine = before

    return end
