"""Who waits for what, and who holds it: the wait graph of the loop that runs, as plain data."""

import asyncio
from collections.abc import Iterable
from itertools import islice
from types import CoroutineType
from typing import Any, TypedDict

from riata.chains import steps
from riata.coroutines import await_it

__all__ = ["Wait", "waits"]


class Wait(TypedDict):
    """One task that waits."""

    task: str  # its name
    awaits: str  # the operation: "Lock.acquire", "sleep", "map", "Task", "Future", ...
    on: str  # what it works on, as `repr` shows it; empty for `sleep`, and where `held_by` tells all
    held_by: list[str]  # the names of the tasks that it waits for; empty when that is not known


def waits(loop: asyncio.AbstractEventLoop | None = None) -> list[Wait]:
    """Return what each task of the loop waits for, sorted by the name of the task.

    Args:
        loop: the loop; `None` for the one that runs.
    Raises:
        RuntimeError: no loop is given, and none runs.
    """
    tasks = asyncio.all_tasks(loop)
    by_id = {key: task for task in tasks if (key := getattr(task, "_id", 0))}
    current = asyncio.current_task(loop) if _is_running(loop) else None
    found = [_wait(task, by_id) for task in tasks if task is not current]
    return sorted((wait for wait in found if wait), key=lambda wait: wait["task"])


def _is_running(loop: asyncio.AbstractEventLoop | None) -> bool:
    running = asyncio._get_running_loop()
    return running is not None and loop in (None, running)


def _wait(task: "asyncio.Task[Any]", by_id: "dict[int, asyncio.Task[Any]]") -> Wait | None:
    operation, awaited = _innermost(task)
    if awaited is None:
        return None  # about to run
    if operation is None:
        awaits, on, futures = _what_future_stands_for(awaited)
    else:
        awaits, on, futures = _what_operation_stands_for(operation)
    held_by = _names_of_tasks(futures) or _names(_holders(on), by_id)
    shown = "" if on is None else on if isinstance(on, str) else repr(on)
    return {"task": task.get_name(), "awaits": awaits, "on": shown, "held_by": held_by}


def _innermost(task: "asyncio.Task[Any]") -> tuple[Any, Any]:
    """The native operation at the end of the chain of awaits, if there is one, and the future there."""
    from riata._riata import Operation

    operation: Any = None
    for step in steps(task):
        if isinstance(step, Operation):
            operation = step
            if hasattr(step._owner, "_stands_for"):
                break
        elif isinstance(step, CoroutineType) and step.cr_code is not await_it.__code__:
            operation = None  # a coroutine that it drives awaits something itself
    return operation, getattr(task, "_fut_waiter", None)


def _what_operation_stands_for(operation: Any) -> tuple[str, Any, Iterable[Any]]:
    """Its name, what it works on, and which futures it waits for."""
    owner: Any = operation._owner
    known: tuple[str, Any, Iterable[Any]] | None = getattr(owner, "_stands_for", None)
    if known is not None:
        return known
    awaits: str = operation.__qualname__
    if awaits in ("TaskGroup.__aexit__", "TaskGroup.spawn"):  # which holds those it waits for
        return awaits, owner, getattr(owner, "_tasks", ())
    if awaits in ("wait", "wait_for"):
        futures = operation._argument if awaits == "wait" else [operation._argument]
        return awaits, _shown(futures), futures
    return awaits, owner, ()


def _what_future_stands_for(future: Any) -> tuple[str, Any, Iterable[Any]]:
    children = getattr(future, "_children", None)
    if children is not None:
        return "gather", future, children
    for callback, _ in getattr(future, "_callbacks", None) or ():
        inner = getattr(getattr(callback, "__self__", None), "_inner", None)
        if inner not in (None, future):
            return "shield", inner, [inner]
    return type(future).__name__, future, [future]


def _shown(futures: Iterable[Any]) -> str:
    """The first few that have no name."""
    unnamed = (repr(future) for future in futures if not isinstance(future, asyncio.Task))
    first = list(islice(unnamed, 4))
    return ", ".join(first if len(first) < 4 else [*first[:3], "…"])


def _names_of_tasks(futures: Iterable[Any]) -> list[str]:
    return sorted(task.get_name() for task in _running_tasks(futures))


def _running_tasks(futures: Iterable[Any]) -> "set[asyncio.Task[Any]]":
    """Those among the futures, and those that the others stand for."""
    tasks = set()
    seen = set()
    left = list(futures)
    while left:
        future = left.pop()
        if isinstance(future, asyncio.Task):
            if not future.done():
                tasks.add(future)
        elif asyncio.isfuture(future) and id(future) not in seen:
            seen.add(id(future))
            left.extend(_what_future_stands_for(future)[2])
    return tasks


def _holders(owner: Any) -> Iterable[Any]:
    holders: Any = getattr(owner, "_holders", None)
    return () if holders is None else holders()


def _names(holders: Iterable[Any], by_id: "dict[int, asyncio.Task[Any]]") -> list[str]:
    tasks = (by_id.get(holder) if isinstance(holder, int) else holder for holder in holders)
    return [task.get_name() for task in tasks if task is not None and not task.done()]
