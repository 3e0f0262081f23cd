"""The chain of awaits that a task is in: its frames, how reports show them, and what a primitive in it stands for."""

import asyncio
import gc
from collections.abc import Iterable, Iterator
from types import AsyncGeneratorType, CodeType, FrameType
from typing import Any

__all__ = ["frame_of", "frames", "package_of", "place", "shown", "stand_for", "steps"]


def steps(task: "asyncio.Task[Any]") -> Iterator[Any]:
    """The coroutine of a task, what that awaits, what this awaits, and so on, to a future if it awaits one."""
    step: Any = task.get_coro()
    while step is not None:
        yield step
        step = None if asyncio.isfuture(step) else _awaited_by(step)


def frames(task: "asyncio.Task[Any]") -> Iterator[FrameType]:
    """The frames of its chain of awaits, the outermost first."""
    for step in steps(task):
        frame = frame_of(step)
        if frame is not None:
            yield frame


def frame_of(step: Any) -> FrameType | None:
    """That of a step, if it is a coroutine or an async generator that has one."""
    frame: FrameType | None = getattr(step, "cr_frame", None) or getattr(step, "ag_frame", None)
    return frame


def package_of(frame: FrameType) -> str:
    """The top-level package whose code it runs."""
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def place(code: CodeType, line: int) -> str:
    """A line of a program, as reports show it."""
    return f"{getattr(code, 'co_qualname', code.co_name)} ({code.co_filename}:{line})"


def _awaited_by(step: Any) -> Any:
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        following = getattr(step, name, None)
        if following is not None:
            return following
    if type(step).__name__ in ("async_generator_asend", "async_generator_athrow"):
        # These do not tell which generator they drive.
        for referent in gc.get_referents(step):
            if isinstance(referent, AsyncGeneratorType):
                return referent
    return None


def stand_for(
    primitive: Any, awaits: str, on: object = None, held_by: Iterable["asyncio.Future[Any]"] = ()
) -> None:
    """Let a primitive that something waits with be shown as what it is waited for: the operation, its object, the tasks that hold it."""
    primitive._stands_for = (awaits, on, held_by)


def shown(value: object) -> str:
    """Its `repr`, or what there is to say where that fails."""
    try:
        return repr(value)
    except Exception as error:
        kind = type(value).__qualname__
        return f"<{kind} object at {id(value):#x}, whose repr raises {type(error).__name__}>"
