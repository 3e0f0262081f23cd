"""Whether anything could still wake a loop on which nothing runs."""

import signal
import threading
from typing import Any

__all__ = ["nothing_can_wake", "remember_outside", "threads_of_the_test"]

# Of the program that runs the tests: threads, and handlers of signals.
_threads: "set[threading.Thread]" = set()
_handlers: "dict[int, Any]" = {}

# Threads that only end a test: pytest-timeout's, with `timeout_method = thread`.
_TIMERS = ("pytest_timeout ",)

# What a program sends itself, or is sent, to be told something.
_SIGNALS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGCHLD)


def remember_outside() -> None:
    """Whoever is there now belongs to the program that runs the tests."""
    _threads.update(threading.enumerate())
    _handlers.update({number: signal.getsignal(number) for number in _SIGNALS})


def nothing_can_wake(loop: Any) -> bool:
    """Whether the loop would wait for ever, were it not for the callback that asks.

    No job is ready, no timer waits, no descriptor is watched; and no thread, job of an executor or handler of a signal is
    there that could call the loop.
    """
    ready, timers, watched = loop._pending()
    if ready or timers or watched or loop._signal_handlers:
        return False
    if threads_of_the_test(loop):
        return False
    return all(
        not callable(handler) or handler == _handlers.get(number)
        for number in _SIGNALS
        for handler in (signal.getsignal(number),)
    )


def threads_of_the_test(loop: Any) -> "list[threading.Thread]":
    """The threads that live and were not there before the tests, but for those of the loop's executor when it has nothing to do."""
    known = _threads | {threading.current_thread()} | _idle_workers(loop._default_executor)
    threads = [thread for thread in threading.enumerate() if thread not in known]
    return [thread for thread in threads if not thread.name.startswith(_TIMERS)]


def _idle_workers(executor: Any) -> "set[threading.Thread]":
    """The threads of an executor, when none has anything to do."""
    threads: set[threading.Thread] = set(getattr(executor, "_threads", ()))
    try:
        is_idle = executor._work_queue.empty() and executor._idle_semaphore._value == len(threads)
    except AttributeError:  # no executor, or one of the program's own
        return set()
    return threads if is_idle else set()
