"""A decorator that reports successful calls in the background."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any


class Reporter:
    async def success(self, result: Any, seconds: float) -> None:
        await asyncio.sleep(0)


def reported(reporter: Reporter) -> Callable[..., Callable[..., Awaitable[Any]]]:
    def decorate(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            started = time.monotonic()
            result = await function(*args, **kwargs)
            asyncio.create_task(reporter.success(result, time.monotonic() - started))  # bug
            return result

        return wrapper

    return decorate
