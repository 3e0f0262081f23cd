"""Manages a child process: a plain manager, and one whose same-named methods are async."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_sync(function: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
    def wrapped(*args: Any, **kwargs: Any) -> T:
        return asyncio.run(function(*args, **kwargs))

    return wrapped


class Manager:
    async def _async_is_alive(self) -> bool:
        await asyncio.sleep(0)
        return False

    is_alive = run_sync(_async_is_alive)


class AsyncManager(Manager):
    is_alive = Manager._async_is_alive
