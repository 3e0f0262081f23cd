"""What exceptions of the primitives say about themselves: which deadline, what was awaited, which task, where it was made."""

import asyncio
import inspect
import sys
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import Any

from riata.chains import frame_of, package_of, place, shown, steps
from riata.wait_graph import describe_wait

__all__ = [
    "add_note",
    "describe_await",
    "innermost_timeout",
    "note_failure",
    "note_timeout",
]

_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
# For tasks that are not riata's; those know it themselves.
innermost_timeout: "ContextVar[Any]" = ContextVar("innermost_timeout", default=None)


def add_note(error: BaseException, note: str) -> None:
    """`error.add_note(note)`, once, on 3.10 too, where the reports of the package exceptiongroup show it."""
    if note in getattr(error, "__notes__", ()):
        return
    if sys.version_info >= (3, 11):
        error.add_note(note)
    else:
        known: Any = error
        known.__notes__ = [*getattr(error, "__notes__", ()), note]


def note_timeout(
    error: BaseException, delay: float, when: Any, awaited: "tuple[str, str] | None"
) -> None:
    """Say which timeout it was, where it was set, and what the task awaited."""
    what = f"the timeout of {delay:g} s" if delay >= 0 else f"the deadline at loop time {when}"
    text, where = awaited or ("", "")
    # An exception that is thrown into a `wait_for` finds another frame here than the one that awaits it.
    where = where or _place_of_program(sys._getframe(1))
    note = f"{what}{f', set in {where},' if where else ''} has passed"
    add_note(error, f"{note} while awaiting {text}" if text else note)


def note_failure(
    error: BaseException,
    task: "asyncio.Task[Any]",
    group: Any,
    site: "tuple[CodeType, int] | None",
) -> None:
    """Name the task that failed, its group, and where it was made."""
    note = f"in task {task.get_name()!r}"
    if group is not None:
        note += f" of the group {str(group)!r}"
    if site is not None:
        note += f", made in {place(*site)}"
    add_note(error, note)


def describe_await(future: "asyncio.Future[Any]", timeout: Any) -> tuple[str, str]:
    """What a task awaits, where in code that is not riata's, and where the `wait_for` with this timeout is.

    Of another future, that future.
    """
    if not isinstance(future, asyncio.Task):
        return shown(future), ""
    where = where_of_wait_for = ""
    for step in steps(future):
        frame = frame_of(step)
        if frame is not None and not _is_library(frame):
            where = place(frame.f_code, frame.f_lineno)
        if getattr(step, "_kept", None) is timeout:
            where_of_wait_for = where
    text = describe_wait(future)
    return " in ".join(filter(None, (text, where))), where_of_wait_for


def _is_library(frame: FrameType) -> bool:
    return package_of(frame) in ("asyncio", "contextlib", "riata")


def _place_of_program(frame: FrameType | None) -> str:
    """The innermost coroutine, or async generator, that runs and is no library's; none where the loop itself has called."""
    while frame is not None and frame.f_code.co_flags & _ASYNC:
        if not _is_library(frame):
            return place(frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return ""
