"""Whether anything could still wake a loop on which nothing runs. What is not known to be harmless could."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["nothing_can_wake", "remember_threads", "threads_of_the_test"]

# Whose threads run tests, watch them or end them, and wake none.
_HARMLESS_THREADS = frozenset(
    ("_pydevd_bundle", "_pytest", "coverage", "execnet", "pluggy", "pydevd", "pytest")
) | frozenset(("pytest_timeout", "xdist"))
# Whose handlers of signals do: runners of asyncio have one for Ctrl-C.
_HARMLESS_HANDLERS = _HARMLESS_THREADS | frozenset(("_signal", "asyncio", "backports", "riata"))
# Threads that were there before anything of the suite was, by the system's numbers: xdist's, a debugger's.
_before: "set[int | None]" = set()
# The system's list of the threads of this process, where it has one.
_TASKS = "/proc/self/task"
# Those that are no threads of Python's and harmless: as the system cuts the names.
_NATIVE = ("riata-watchdog"[:15],)


def remember_threads() -> None:
    """Those that are there now have nothing to do with the tests. Called when the plugin is loaded, before any conftest is."""
    _before.update(_native_ids(), _known_ids())


def nothing_can_wake(loop: Any) -> bool:
    """Whether the loop would wait for ever, were it not for the callback that asks.

    No job is ready, no timer waits, no descriptor is watched; and no thread, job of an executor, handler of a signal or child
    process is there that could call the loop.
    """
    ready, timers, watched = loop._pending()
    if ready or timers or watched or loop._signal_handlers:
        return False
    return not (
        threads_of_the_test(loop) or _has_handlers() or _has_native_threads() or _has_children()
    )


def _has_handlers() -> bool:
    handlers = map(signal.getsignal, signal.valid_signals())
    return any(callable(found) and _package(found) not in _HARMLESS_HANDLERS for found in handlers)


def threads_of_the_test(loop: Any) -> "list[threading.Thread]":
    """The threads that live and could do something for a test, but for those of executors that have nothing to do."""
    idle = _idle_workers(loop._default_executor)
    return [
        thread
        for thread in threading.enumerate()
        if thread is not threading.current_thread()
        and thread is not threading.main_thread()
        and thread.native_id not in _before
        and thread not in idle
        and _package(_target(thread)) not in _HARMLESS_THREADS
        and thread not in _idle_workers(_executor_of(thread))
    ]


def _target(thread: threading.Thread) -> Any:
    """What a thread runs."""
    target = getattr(thread, "_target", None) or getattr(thread, "function", None)  # of a timer
    return target or type(thread).run


def _package(function: Callable[..., Any]) -> str:
    """Whose it is."""
    function = getattr(function, "func", function)  # of a partial one
    return str(getattr(function, "__module__", "")).partition(".")[0]


def _executor_of(thread: threading.Thread) -> Any:
    """Whose worker a thread is: an executor that the program has made, and shares among its tests."""
    target: Any = getattr(thread, "_target", None)
    if getattr(target, "__module__", "") != "concurrent.futures.thread":
        return None
    for argument in getattr(thread, "_args", ())[:1]:
        # A reference to the executor; from 3.14 on to what the worker is for, which does not know it.
        return argument() if callable(argument) else None
    return None


def _idle_workers(executor: Any) -> "set[threading.Thread]":
    """The threads of an executor, when none has anything to do."""
    threads: set[threading.Thread] = set(getattr(executor, "_threads", ()))
    queue = getattr(executor, "_work_queue", None)
    if not threads or queue is None or not queue.empty():
        return set()
    # Who waits for work is in no function that it calls. (What the executor counts is wrong on 3.10.)
    running = sys._current_frames()
    frames = [running.get(thread.ident or 0) for thread in threads]
    is_idle = all(frame is not None and frame.f_code.co_name == "_worker" for frame in frames)
    return threads if is_idle else set()


def _has_native_threads() -> bool:
    """Whether there are threads that Python does not know, such as those of a library in another language."""
    unknown = _native_ids() - _known_ids() - _before
    return any(_name_of(number) not in _NATIVE for number in unknown)


def _has_children() -> bool:
    """Whether a child process runs, which may send this one a signal."""
    return any(_runs(child) for number in _native_ids() for child in _children_of(number))


def _children_of(number: int) -> "list[str]":
    try:
        with open(f"{_TASKS}/{number}/children") as file:
            return file.read().split()
    except OSError:
        return []


def _runs(child: str) -> bool:
    try:
        with open(f"/proc/{child}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False


def _native_ids() -> "set[int]":
    try:
        return {int(name) for name in os.listdir(_TASKS)}
    except OSError:
        return set()


def _known_ids() -> "set[int | None]":
    return {thread.native_id for thread in threading.enumerate()}


def _name_of(number: int) -> str:
    try:
        with open(f"{_TASKS}/{number}/comm") as file:
            return file.read().rstrip("\n")
    except OSError:
        return _NATIVE[0]  # it has ended
