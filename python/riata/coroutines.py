"""Coroutines that the native primitives drive where native code would gain nothing."""

from collections.abc import Awaitable
from typing import Any, TypeVar

__all__ = ["await_it", "enter"]

T = TypeVar("T")


async def await_it(awaitable: Awaitable[T]) -> T:
    """Await what is no coroutine: what Python says of it is Python's own."""
    return await awaitable


async def enter(lock: Any) -> None:
    """Acquire a lock of a subclass, which may have an `acquire` of its own."""
    await lock.acquire()
