"""Who waits for what, and who holds it: the wait graph of the loop that runs, as plain data."""

import asyncio
from collections.abc import Iterable
from typing import Any, TypedDict

__all__ = ["Wait", "waits"]


class Wait(TypedDict):
    """One task that waits."""

    task: str  # its name
    awaits: str  # the operation: "Lock.acquire", "sleep", "Task", "Future", ...
    on: str  # what it works on, as `repr` shows it; empty for `sleep`
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
    if operation is not None:
        owner: Any = operation._owner
        awaits, on = operation.__qualname__, "" if owner is None else repr(owner)
        held_by = _names(_holders(owner), by_id)
        if awaits in ("TaskGroup.__aexit__", "TaskGroup.spawn"):  # which holds those it waits for
            held_by = _names_of_tasks(getattr(owner, "_tasks", ()))
        elif awaits == "wait":
            held_by = _names_of_tasks(operation._argument)
        elif awaits == "wait_for":  # before 3.12, and for what it has cancelled
            held_by = _names_of_tasks([operation._argument])
    elif awaited is None:
        return None  # about to run
    else:
        awaits, on = type(awaited).__name__, repr(awaited)
        children = getattr(awaited, "_children", None)  # `gather`
        held_by = _names_of_tasks([awaited, *_shielded(awaited)] if children is None else children)
    return {"task": task.get_name(), "awaits": awaits, "on": on, "held_by": held_by}


def _innermost(task: "asyncio.Task[Any]") -> tuple[Any, Any]:
    """The native operation at the end of the chain of awaits, or the future there."""
    from riata._riata import Operation

    operation: Any = None
    step: Any = task.get_coro()
    while step is not None:
        if isinstance(step, Operation):
            operation = step
        following: Any = None
        for name in ("cr_await", "ag_await", "gi_yieldfrom"):
            following = following or getattr(step, name, None)
        if following is None or asyncio.isfuture(following):
            break
        step = following
    return operation, getattr(task, "_fut_waiter", None)


def _shielded(future: Any) -> Iterable[Any]:
    """What a future of `shield` stands for."""
    for callback, _ in getattr(future, "_callbacks", None) or ():
        inner = getattr(getattr(callback, "__self__", None), "_inner", None)
        if inner is not None:
            yield inner


def _names_of_tasks(futures: Iterable[Any]) -> list[str]:
    tasks = {future for future in futures if isinstance(future, asyncio.Task) and not future.done()}
    return sorted(task.get_name() for task in tasks)


def _holders(owner: Any) -> Iterable[Any]:
    holders: Any = getattr(owner, "_holders", None)
    return () if holders is None else holders()


def _names(holders: Iterable[Any], by_id: "dict[int, asyncio.Task[Any]]") -> list[str]:
    tasks = (by_id.get(holder) if isinstance(holder, int) else holder for holder in holders)
    return [task.get_name() for task in tasks if task is not None]
