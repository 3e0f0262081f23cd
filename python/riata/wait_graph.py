"""Who waits for what, and who holds it: the wait graph of the loop that runs, as plain data."""

import asyncio
import contextlib
from collections.abc import Iterable
from itertools import islice
from types import CoroutineType
from typing import Any, NamedTuple, TypedDict

from riata.chains import shown, steps
from riata.coroutines import await_it

__all__ = ["Wait", "Waiting", "describe_wait", "those_that_await", "waiting_tasks", "waits"]


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
    found = (_as_data(task, waiting) for task, waiting in waiting_tasks(loop).items())
    return sorted(found, key=lambda wait: wait["task"])


def _as_data(task: "asyncio.Task[Any]", waiting: "Waiting") -> Wait:
    return {
        "task": task.get_name(),
        "awaits": waiting.awaits,
        "on": waiting.shown(),
        "held_by": [holder.get_name() for holder in waiting.holders],
    }


# Any one of the tasks that hold it can end such a wait; other waits need all of them.
_ONE_IS_ENOUGH = (
    "BoundedSemaphore.__aenter__",
    "BoundedSemaphore.acquire",
    "Semaphore.__aenter__",
    "Semaphore.acquire",
    "as_completed",
    "first_success",
    "map",
    "race",
    "wait",
)


class Waiting(NamedTuple):
    """`Wait` with the objects themselves."""

    awaits: str
    on: Any  # text where there is no one object
    holders: "list[asyncio.Task[Any]]"

    def is_stuck_behind(self, tasks: "set[asyncio.Task[Any]]") -> bool:
        """Whether it goes on no sooner than one of these tasks does."""
        if self.awaits in _ONE_IS_ENOUGH:
            return bool(self.holders) and tasks.issuperset(self.holders)
        return not tasks.isdisjoint(self.holders)

    def shown(self) -> str:
        return "" if self.on is None else self.on if isinstance(self.on, str) else shown(self.on)


def waiting_tasks(
    loop: asyncio.AbstractEventLoop | None = None,
) -> "dict[asyncio.Task[Any], Waiting]":
    """What each task of the loop waits for; those that run, or are about to, are not among them."""
    tasks = asyncio.all_tasks(loop)
    by_id = {key: task for task in tasks if (key := getattr(task, "_id", 0))}
    current = asyncio.current_task(loop) if _is_running(loop) else None
    found = {task: _waiting(task, by_id) for task in tasks if task is not current}
    return {task: waiting for task, waiting in found.items() if waiting is not None}


def _is_running(loop: asyncio.AbstractEventLoop | None) -> bool:
    running = asyncio._get_running_loop()
    return running is not None and loop in (None, running)


def those_that_await(
    task: "asyncio.Task[Any]", others: "Iterable[asyncio.Task[Any]]", until: float
) -> "set[asyncio.Task[Any]]":
    """Those of the others that go on no sooner than this task is done: they await it, or another one of them, and nothing else.

    A wait that a timer ends before the loop time `until`, or that anything else can end, does not count.
    """
    awaited_by: dict[Any, list[asyncio.Task[Any]]] = {}
    left: dict[asyncio.Task[Any], int] = {}
    seen: dict[int, tuple[set[Any], bool]] = {}
    for other in others:
        futures, needs_all = _what_it_awaits(other, until, seen)
        left[other] = 1 if needs_all else len(futures)
        for future in futures:
            awaited_by.setdefault(future, []).append(other)
    found: set[asyncio.Task[Any]] = set()
    reached: list[Any] = [task]
    while reached:
        for other in awaited_by.pop(reached.pop(), ()):
            left[other] -= 1
            if left[other] == 0:
                found.add(other)
                reached.append(other)
    return found


def _what_it_awaits(
    task: Any, until: float, seen: dict[int, tuple[set[Any], bool]]
) -> tuple[set[Any], bool]:
    """The tasks, or futures of which no more is known, that it awaits, and whether it needs all of them; none when it wakes before.

    What a future stands for is looked up once: many may await it, and its callbacks are as many.
    """
    nothing: tuple[set[Any], bool] = set(), False
    awaited = getattr(task, "_fut_waiter", None)
    if awaited is None:
        return nothing
    with contextlib.suppress(Exception):
        operation, coroutine = _innermost(task)
        known = None
        # Where a request is handed on, a timer only cancels what is awaited, and the task goes on when that has ended.
        if not _is_handed_on(awaited):
            if _is_before(getattr(task, "_deadline", None), until):
                return nothing
            known = (
                _what_asyncio_stands_for(coroutine)
                if operation is None
                else _what_operation_stands_for(operation)
            )
        if known is None:
            if id(awaited) not in seen:
                seen[id(awaited)] = _expanded([awaited]), True
            return seen[id(awaited)]
        awaits, _, futures = known
        if _is_before(_deadline_of(awaits, operation, coroutine), until):
            return nothing
        return _expanded(futures), _needs_all(awaits, operation, coroutine, futures)
    return nothing


def _is_handed_on(awaited: Any) -> bool:
    """Whether a request to cancel who awaits it is handed on: to a task, or to all of a `gather`."""
    return isinstance(awaited, asyncio.Task) or hasattr(awaited, "_children")


def _is_before(deadline: float | None, until: float) -> bool:
    return deadline is not None and deadline < until


def _deadline_of(awaits: str, operation: Any, coroutine: Any) -> float | None:
    """The loop time at which a `wait` or `wait_for` ends by itself. Of asyncio's that do not keep their timer, the latest."""
    if awaits not in ("wait", "wait_for"):
        return None
    if operation is not None:
        deadline: float | None = operation._deadline
        timeout = getattr(operation._kept, "when", None)  # of a `wait_for` that begins no task
        return deadline if timeout is None else timeout()
    values = coroutine.cr_frame.f_locals
    handle, seconds = values.get("timeout_handle"), values.get("timeout")
    if handle is not None:
        return handle.when()  # type: ignore[no-any-return]
    return None if seconds is None else asyncio.get_running_loop().time() + float(seconds)


def _needs_all(awaits: str, operation: Any, coroutine: Any, futures: Iterable[Any]) -> bool:
    if awaits != "wait":
        return awaits not in _ONE_IS_ENOUGH
    if operation is None:
        return bool(coroutine.cr_frame.f_locals["return_when"] == asyncio.ALL_COMPLETED)
    return bool(operation._left == sum(not future.done() for future in futures))


def _expanded(futures: Iterable[Any]) -> set[Any]:
    """These futures; in place of one that stands for others, those that are not done."""
    found = set()
    seen = set()
    left = list(futures)
    while left:
        future = left.pop()
        if future.done() or id(future) in seen:
            continue
        seen.add(id(future))
        inner = () if isinstance(future, asyncio.Task) else _what_future_stands_for(future)[2]
        others = [other for other in inner if other is not future]
        left.extend(others)
        if not others:
            found.add(future)
    return found


def _waiting(task: "asyncio.Task[Any]", by_id: "dict[int, asyncio.Task[Any]]") -> Waiting | None:
    awaited = getattr(task, "_fut_waiter", None)
    if awaited is None:
        return None  # about to run
    # What is awaited may be an object of the program's, which may be anything.
    with contextlib.suppress(Exception):
        awaits, on, futures = _what_task_stands_before(task, awaited)
        holders = _sorted(_running_tasks(futures))
        return Waiting(awaits, on, holders or _tasks(_holders(on), by_id))
    return Waiting(type(awaited).__name__, awaited, [])


def _sorted(tasks: "Iterable[asyncio.Task[Any]]") -> "list[asyncio.Task[Any]]":
    return sorted(tasks, key=lambda task: task.get_name())


def describe_wait(task: "asyncio.Task[Any]") -> str:
    """What a task waits for, in a few words; nothing for one that runs."""
    awaited = getattr(task, "_fut_waiter", None)
    if awaited is None:
        return ""
    with contextlib.suppress(Exception):
        awaits, on, futures = _what_task_stands_before(task, awaited)
        if awaits == type(on).__name__ and not isinstance(on, asyncio.Task):
            return shown(on)  # a future of which no more is known
        tasks = (other for other in futures if isinstance(other, asyncio.Task) and not other.done())
        names = _first(f"task {other.get_name()!r}" for other in tasks)
        if names and awaits in ("Task", "wait_for"):
            return names[0]
        told = ", ".join(names) or ("" if on is None else Waiting(awaits, on, []).shown())
        return f"{awaits} of {told}" if told else awaits
    return shown(awaited)


def _what_task_stands_before(task: Any, awaited: Any) -> tuple[str, Any, Iterable[Any]]:
    operation, coroutine = _innermost(task)
    if operation is not None:
        return _what_operation_stands_for(operation)
    return _what_asyncio_stands_for(coroutine) or _what_future_stands_for(awaited)


def _innermost(task: "asyncio.Task[Any]") -> tuple[Any, Any]:
    """The native operation at the end of the chain of awaits, if there is one, and the last coroutine there."""
    from riata._riata import Operation

    operation: Any = None
    coroutine: Any = None
    for step in steps(task):
        if isinstance(step, Operation):
            operation = step
            if hasattr(step._owner, "_stands_for"):
                break
        elif isinstance(step, CoroutineType) and step.cr_code is not await_it.__code__:
            operation = None  # a coroutine that it drives awaits something itself
            coroutine = step
    return operation, coroutine


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


def _what_asyncio_stands_for(coroutine: Any) -> tuple[str, Any, Iterable[Any]] | None:
    """The same of asyncio's own functions and classes, which do not tell who holds them."""
    frame = getattr(coroutine, "cr_frame", None)
    if frame is None:
        return None
    module = frame.f_globals.get("__name__")
    if module not in ("asyncio.locks", "asyncio.queues", "asyncio.taskgroups", "asyncio.tasks"):
        return None
    name, values = frame.f_code.co_name, frame.f_locals
    if module == "asyncio.tasks":
        if name == "_wait":
            return "wait", _shown(values["fs"]), values["fs"]
        if name == "wait_for":
            return "wait_for", _shown([values["fut"]]), [values["fut"]]
        return ("sleep", None, ()) if name == "sleep" else None
    owner = values["self"]
    awaits = f"{type(owner).__name__}.{name}"
    return awaits, owner, getattr(owner, "_tasks", ()) if module == "asyncio.taskgroups" else ()


def _what_future_stands_for(future: Any) -> tuple[str, Any, Iterable[Any]]:
    children = getattr(future, "_children", None)
    if children is not None:
        return "gather", future, children
    for entry in getattr(future, "_callbacks", None) or ():
        # Of asyncio's futures these are pairs of callback and context.
        callback: Any = entry[0] if isinstance(entry, tuple) and entry else entry
        inner = getattr(getattr(callback, "__self__", None), "_inner", None)
        if getattr(callback, "__qualname__", "") == "shield.<locals>._outer_done_callback":
            names = callback.__code__.co_freevars  # asyncio's
            inner = callback.__closure__[names.index("inner")].cell_contents
        if inner is not None and inner is not future:
            return "shield", inner, [inner]
    return type(future).__name__, future, [future]


def _shown(futures: Iterable[Any]) -> str:
    """The first few that have no name."""
    unnamed = (shown(future) for future in futures if not isinstance(future, asyncio.Task))
    return ", ".join(_first(unnamed))


def _first(texts: Iterable[str]) -> list[str]:
    first = list(islice(texts, 4))
    return first if len(first) < 4 else [*first[:3], "…"]


def _running_tasks(futures: Iterable[Any]) -> "set[asyncio.Task[Any]]":
    """Those among the futures, and those that the others stand for."""
    known = filter(asyncio.isfuture, futures)
    return {future for future in _expanded(known) if isinstance(future, asyncio.Task)}


def _holders(owner: Any) -> Iterable[Any]:
    holders: Any = getattr(owner, "_holders", None)
    return () if holders is None else holders()


def _tasks(
    holders: Iterable[Any], by_id: "dict[int, asyncio.Task[Any]]"
) -> "list[asyncio.Task[Any]]":
    tasks = (by_id.get(holder) if isinstance(holder, int) else holder for holder in holders)
    return [task for task in tasks if task is not None and not task.done()]
