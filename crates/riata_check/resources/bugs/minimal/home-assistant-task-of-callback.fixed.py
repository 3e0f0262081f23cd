import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Coroutine
from typing import Any


def fire_from_thread(coro: Coroutine[Any, Any, Any], loop: AbstractEventLoop) -> None:
    """Start a coroutine on a loop that runs in another thread."""
    asyncio.run_coroutine_threadsafe(coro, loop)
