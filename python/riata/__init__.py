"""Production-grade async Python, powered by Rust: asyncio programs, unchanged, on a faster event loop.

    import riata

    riata.run(main())

Names are loaded on first use, so that importing the package costs nothing and changes nothing: not even
asyncio is imported. Only re-exports live here; each name has its home in the table below.
"""

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import run_coroutine_threadsafe as run_coroutine_threadsafe
    from asyncio import to_thread as to_thread

    from riata._riata import BoundedSemaphore as BoundedSemaphore
    from riata._riata import Condition as Condition
    from riata._riata import Event as Event
    from riata._riata import Future as Future
    from riata._riata import LifoQueue as LifoQueue
    from riata._riata import Lock as Lock
    from riata._riata import PriorityQueue as PriorityQueue
    from riata._riata import Queue as Queue
    from riata._riata import Semaphore as Semaphore
    from riata._riata import Task as Task
    from riata._riata import TaskGroup as TaskGroup
    from riata._riata import Timeout as Timeout
    from riata._riata import __version__ as __version__
    from riata._riata import gather as gather
    from riata._riata import shield as shield
    from riata._riata import sleep as sleep
    from riata._riata import time_left as time_left
    from riata._riata import timeout as timeout
    from riata._riata import timeout_at as timeout_at
    from riata._riata import wait as wait
    from riata._riata import wait_for as wait_for
    from riata.barrier import Barrier as Barrier
    from riata.completion import as_completed as as_completed
    from riata.event_loop import EventLoop as EventLoop
    from riata.exceptions import BrokenBarrierError as BrokenBarrierError
    from riata.exceptions import QueueEmpty as QueueEmpty
    from riata.exceptions import QueueFull as QueueFull
    from riata.exceptions import QueueShutDown as QueueShutDown
    from riata.exceptions import TimeoutError as TimeoutError
    from riata.factory import new_event_loop as new_event_loop
    from riata.graceful_shutdown import graceful as graceful
    from riata.patterns import first_success as first_success
    from riata.patterns import map as map
    from riata.patterns import race as race
    from riata.patterns import shielded as shielded
    from riata.runner import Runner as Runner
    from riata.runner import run as run
    from riata.takeover import install as install
    from riata.takeover import uninstall as uninstall
    from riata.task_dump import dump as dump
    from riata.wait_graph import waits as waits

    if sys.version_info < (3, 16):
        from riata.policy import EventLoopPolicy as EventLoopPolicy

__all__ = [
    "Barrier",
    "BoundedSemaphore",
    "BrokenBarrierError",
    "Condition",
    "Event",
    "EventLoop",
    "Future",
    "LifoQueue",
    "Lock",
    "PriorityQueue",
    "Queue",
    "QueueEmpty",
    "QueueFull",
    "QueueShutDown",
    "Runner",
    "Semaphore",
    "Task",
    "TaskGroup",
    "Timeout",
    "TimeoutError",
    "__version__",
    "as_completed",
    "dump",
    "first_success",
    "gather",
    "graceful",
    "install",
    "map",
    "new_event_loop",
    "race",
    "run",
    "run_coroutine_threadsafe",
    "shield",
    "shielded",
    "sleep",
    "time_left",
    "timeout",
    "timeout_at",
    "to_thread",
    "uninstall",
    "wait",
    "wait_for",
    "waits",
]

_homes = {
    "Barrier": "riata.barrier",
    "BoundedSemaphore": "riata._riata",
    "BrokenBarrierError": "riata.exceptions",
    "Condition": "riata._riata",
    "Event": "riata._riata",
    "EventLoop": "riata.event_loop",
    "Future": "riata._riata",
    "LifoQueue": "riata._riata",
    "Lock": "riata._riata",
    "PriorityQueue": "riata._riata",
    "Queue": "riata._riata",
    "QueueEmpty": "riata.exceptions",
    "QueueFull": "riata.exceptions",
    "QueueShutDown": "riata.exceptions",
    "Runner": "riata.runner",
    "Semaphore": "riata._riata",
    "Task": "riata._riata",
    "TaskGroup": "riata._riata",
    "Timeout": "riata._riata",
    "TimeoutError": "riata.exceptions",
    "__version__": "riata._riata",
    "as_completed": "riata.completion",
    "dump": "riata.task_dump",
    "first_success": "riata.patterns",
    "gather": "riata._riata",
    "graceful": "riata.graceful_shutdown",
    "install": "riata.takeover",
    "map": "riata.patterns",
    "new_event_loop": "riata.factory",
    "race": "riata.patterns",
    "run": "riata.runner",
    "run_coroutine_threadsafe": "asyncio",
    "shield": "riata._riata",
    "shielded": "riata.patterns",
    "sleep": "riata._riata",
    "time_left": "riata._riata",
    "timeout": "riata._riata",
    "timeout_at": "riata._riata",
    "to_thread": "asyncio",
    "uninstall": "riata.takeover",
    "wait": "riata._riata",
    "wait_for": "riata._riata",
    "waits": "riata.wait_graph",
}

if sys.version_info < (3, 16):  # Python 3.16 has no event loop policies
    __all__ += ["EventLoopPolicy"]
    _homes["EventLoopPolicy"] = "riata.policy"

if not TYPE_CHECKING:  # a checker that saw `__getattr__` would accept any name

    def __getattr__(name: str) -> object:
        home = _homes.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
