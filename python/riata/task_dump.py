"""`dump`: what every task of a running program does, as text: its awaits, who holds what it waits for, and deadlocks."""

import asyncio
import os
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import FrameType
from typing import Any, TextIO

from riata.chains import frames, package_of, place
from riata.wait_graph import Waiting, waiting_tasks

__all__ = ["describe", "describe_task", "dump", "made_at", "rings"]

_Task = asyncio.Task[Any]
_LIBRARIES = (os.path.dirname(asyncio.__file__), os.path.dirname(__file__))


def dump(file: TextIO | None = None, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Write what every task of a loop does: its name, where it was made, its awaits, and who holds what it waits for.

    It may be called at any time from the thread that runs the loop, also from a signal handler. Where tasks were made is
    known for those that were made while the loop's debug mode was on, or in a test under riata's pytest plugin.

    Args:
        file: where to; `None` for `sys.stderr`.
        loop: the loop; `None` for the one that runs.
    Raises:
        RuntimeError: no loop is given, and none runs.
    """
    out = sys.stderr if file is None else file
    out.write(describe(asyncio.get_running_loop() if loop is None else loop) + "\n")
    out.flush()


def describe(loop: asyncio.AbstractEventLoop) -> str:
    """The text of `dump`."""
    tasks = sorted(filter(_is_shown, asyncio.all_tasks(loop)), key=lambda task: task.get_name())
    waiting = waiting_tasks(loop)
    parts = [f"{_count(len(tasks), 'task')} of {loop!r}, at loop time {loop.time():.3f}"]
    parts += [f"deadlock: {ring}" for ring in rings(waiting)]
    parts += [describe_task(task, loop, waiting) for task in tasks]
    return "\n\n".join(parts)


def _is_shown(task: _Task) -> bool:
    """Not a task that only waits for another one on behalf of a test runner."""
    return not all(map(_is_hidden, frames(task))) or next(frames(task), None) is None


def _is_hidden(frame: FrameType) -> bool:
    # The word by which pytest knows what is not to be in a traceback.
    return bool(frame.f_locals.get("__tracebackhide__", False))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def describe_task(
    task: _Task, loop: asyncio.AbstractEventLoop, waiting: Mapping[_Task, Waiting]
) -> str:
    """What one task does, given what all tasks of its loop wait for."""
    lines = [f"task {_name(task)!r}{made_at(task)}"]
    if task in waiting:
        lines.append(f"  {_describe_wait(task, waiting)}")
    elif task is asyncio.current_task(loop):
        lines.append("  runs")
        return "\n".join(lines) + "\n" + _indented(_running_stack(loop))
    else:
        lines.append("  is about to run")
    return "\n".join([*lines, _indented(_summary(frames(task)))]).rstrip()


def _name(task: _Task) -> str:
    name = task.get_name()
    # Eager tasks of asyncio's have none before 3.14.
    return name if name != "None" else getattr(task.get_coro(), "__qualname__", name)


def made_at(task: _Task) -> str:
    """Where a task was made, as its name is followed by it; empty when nobody knows."""
    site = getattr(task, "_made_at", None)
    if site is not None:
        return f", made in {place(*site[:2])}"
    for frame in reversed(getattr(task, "_source_traceback", None) or ()):  # in debug mode
        if os.path.dirname(frame.filename) not in _LIBRARIES:
            return f", made in {frame.name} ({frame.filename}:{frame.lineno})"
    return ""


def _describe_wait(task: _Task, waiting: Mapping[_Task, Waiting]) -> str:
    wait = waiting[task]
    is_told = wait.on is None or wait.on == "" or isinstance(wait.on, asyncio.Task)
    text = f"awaits {wait.awaits}" if is_told else f"awaits {wait.awaits} of {wait.shown()}"
    if wait.holders:
        names = list(dict.fromkeys(repr(holder.get_name()) for holder in wait.holders))
        return f"{text}, held by {', '.join(names)}"
    if wait.on is None or isinstance(wait.on, str | asyncio.Task):
        return text
    known = list(islice(_known_to(wait.on, waiting.keys() - {task}), 3))
    return f"{text}; {'; '.join(known)}" if known else text


def _known_to(primitive: Any, tasks: Iterable[_Task]) -> Iterator[str]:
    """Who else has it in hand, and so could set it, put to it or take from it."""
    for task in sorted(tasks, key=lambda task: task.get_name()):
        for frame in frames(task):
            name = _name_in(frame, primitive)
            if name:
                code = frame.f_code
                where = f"{code.co_name} ({code.co_filename}:{frame.f_lineno})"
                yield f"task {task.get_name()!r} has it as {name} in {where}"
                break


def _name_in(frame: FrameType, primitive: Any) -> str:
    for name, value in frame.f_locals.items():
        if value is primitive:
            return name
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict):
            for attribute, inner in attributes.items():
                if inner is primitive:
                    return f"{name}.{attribute}"
    return ""


def _running_stack(loop: asyncio.AbstractEventLoop) -> traceback.StackSummary:
    """The frames of the thread that runs the loop, without those of the loop itself."""
    ident = getattr(loop, "_thread_id", None) or threading.get_ident()
    frame = sys._current_frames().get(ident)
    found: list[FrameType] = []
    while frame is not None:
        package = package_of(frame)
        if package in ("asyncio", "riata") and frame.f_code.co_name in ("_run_once", "run_forever"):
            break
        # Not those of whoever has asked for this.
        if found or package != "riata":
            found.insert(0, frame)
        frame = frame.f_back
    return _summary(found)


def _summary(frames: Iterable[FrameType]) -> traceback.StackSummary:
    """Without frames of asyncio that end it: they wait for what the line before tells."""
    found = [frame for frame in frames if not _is_hidden(frame)]
    while len(found) > 1 and package_of(found[-1]) == "asyncio":
        found.pop()
    return traceback.StackSummary.extract((frame, frame.f_lineno) for frame in found)


def _indented(stack: traceback.StackSummary) -> str:
    return "".join(stack.format()).rstrip()


def rings(waiting: Mapping[_Task, Waiting]) -> list[str]:
    """Tasks that wait for each other, each ring once: none of them can go on, whatever the others do."""
    stuck = {task for task, wait in waiting.items() if wait.holders}
    before = 0
    while before != len(stuck):
        before = len(stuck)
        stuck = {task for task in stuck if waiting[task].is_stuck_behind(stuck)}
    found = []
    seen: set[_Task] = set()
    for task in sorted(stuck, key=lambda task: task.get_name()):
        path: list[_Task] = []
        while task not in seen:
            seen.add(task)
            path.append(task)
            task = next(holder for holder in waiting[task].holders if holder in stuck)
        if task in path:
            found.append(_describe_ring(path[path.index(task) :], waiting))
    return found


def _describe_ring(ring: list[_Task], waiting: Mapping[_Task, Waiting]) -> str:
    links = []
    for task, holder in zip(ring, [*ring[1:], ring[0]], strict=True):
        name = "itself" if holder is task else repr(holder.get_name())
        links.append(f"{task.get_name()!r} awaits {waiting[task].awaits}, held by {name}")
    return "; ".join(links)
