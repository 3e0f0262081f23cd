"""Where in a program a task is made: the innermost line that is neither of the loop's nor of the test runner's."""

import sys
from types import CodeType, FrameType

from riata.chains import package_of

__all__ = ["task_site"]

_LIBRARIES = frozenset(("asyncio", "riata"))
_RUNNERS = frozenset(("_pytest", "pluggy", "pytest", "pytest_asyncio", "unittest"))


def task_site() -> "tuple[CodeType, int] | None":
    """The code and the line that make a task; none for the one that a test runner makes of a test."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        package = package_of(frame)
        if package in _RUNNERS:
            return None
        if package not in _LIBRARIES:
            return frame.f_code, frame.f_lineno
        frame = frame.f_back
    return None
