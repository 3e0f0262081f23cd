"""The exceptions of the primitives: asyncio's own, and those of newer Pythons where this one lacks them."""

import asyncio
import builtins
import sys
from asyncio import QueueEmpty, QueueFull
from typing import TYPE_CHECKING

__all__ = [
    "BaseExceptionGroup",
    "BrokenBarrierError",
    "ExceptionGroup",
    "QueueEmpty",
    "QueueFull",
    "QueueShutDown",
    "TimeoutError",
]

if sys.version_info >= (3, 13):
    from asyncio import QueueShutDown
else:

    class QueueShutDown(Exception):
        """Raised when putting on to or getting from a shut-down Queue."""


if sys.version_info >= (3, 11):
    from asyncio import BrokenBarrierError

    BaseExceptionGroup = builtins.BaseExceptionGroup
    ExceptionGroup = builtins.ExceptionGroup
    TimeoutError = builtins.TimeoutError
else:
    from exceptiongroup import BaseExceptionGroup, ExceptionGroup

    class BrokenBarrierError(RuntimeError):
        """Barrier is broken by barrier.abort() call."""

    if TYPE_CHECKING:
        TimeoutError = builtins.TimeoutError
    else:

        class TimeoutError(asyncio.TimeoutError, builtins.TimeoutError):
            """A deadline has passed. On 3.10 asyncio's class and Python's are unrelated: this is both."""
