"""A decorator that lets callbacks of a plain protocol class be async functions."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

_running: set["asyncio.Future[Any]"] = set()


def background(function: Callable[..., Awaitable[Any]]) -> Callable[..., None]:
    @functools.wraps(function)
    def start(*args: Any, **kwargs: Any) -> None:
        task = asyncio.ensure_future(function(*args, **kwargs))
        _running.add(task)
        task.add_done_callback(_running.discard)

    return start


class Relay:
    def __init__(self) -> None:
        self.sent: list[str] = []

    @background
    async def on_message(self, text: str) -> None:
        await asyncio.sleep(0.1)
        self.sent.append(text)
