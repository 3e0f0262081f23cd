"""Where in a program something is made, and for whom: the innermost line that is neither of a library nor of the test runner's."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from types import CodeType, FrameType

from riata.chains import package_of
from riata.event_loop import EventLoop

__all__ = ["Owner", "Site", "current_owner", "is_of_runner", "make_site", "owned_by", "task_site"]

_LIBRARIES = frozenset(("anyio", "asyncio", "concurrent", "contextlib", "riata", "socket", "ssl"))
# The backport is that of asyncio's runners, which pytest-asyncio uses on 3.10.
_RUNNERS = frozenset(("_pytest", "backports", "pluggy", "pytest", "pytest_asyncio", "unittest"))


class Owner:
    """A test, or a fixture that outlives it: what it makes is its own to clean up.

    Args:
        name: the node id of the test; a fixture says that it is one.
        outlives_tests: for a fixture.
    """

    def __init__(self, name: str, *, outlives_tests: bool = False) -> None:
        self.name = name
        self.outlives_tests = outlives_tests
        # What was found, as text.
        self.leaks: list[str] = []
        self.has_failed = False
        # Whether a loop of ours ran in it.
        self.has_run = False
        self.is_over = False


# The code and the line that make something, and for whom. No class: it is made for each task.
Site = tuple[CodeType, int, "Owner | None"]


_RUN = EventLoop.run_forever.__code__
_owner: "Owner | None" = None
_thread = 0


def current_owner() -> "Owner | None":
    """Whose what is made now is; none outside of tests, in other threads than theirs, and where nobody wants to know."""
    return _owner if threading.get_ident() == _thread else None


@contextlib.contextmanager
def owned_by(owner: "Owner | None") -> Iterator[None]:
    """What is made within is the owner's."""
    global _owner, _thread
    before, _owner, _thread = _owner, owner, threading.get_ident()
    try:
        yield
    finally:
        _owner = before


def is_of_runner(frame: FrameType) -> bool:
    """Whether it is a test runner's code."""
    return package_of(frame) in _RUNNERS


def task_site() -> "Site | None":
    """Where a task is made; none for the one that a test runner makes of a test."""
    return make_site(sys._getframe(1))


def make_site(frame: "FrameType | None") -> "Site | None":
    """Where what is made in this frame is made; none for what a test runner makes, or the loop itself, such as the tasks of connections."""
    while frame is not None:
        if is_of_runner(frame) or frame.f_code is _RUN:
            return None
        if package_of(frame) not in _LIBRARIES:
            return frame.f_code, frame.f_lineno, current_owner()
        frame = frame.f_back
    return None
