import threading
from asyncio import AbstractEventLoop, coroutines, ensure_future
from collections.abc import Coroutine
from typing import Any


def fire_from_thread(coro: Coroutine[Any, Any, Any], loop: AbstractEventLoop) -> None:
    """Start a coroutine on a loop that runs in another thread."""
    ident = loop.__dict__.get("_thread_ident")
    if ident is not None and ident == threading.get_ident():
        raise RuntimeError("not from within the event loop")
    if not coroutines.iscoroutine(coro):
        raise TypeError("a coroutine is required")

    def start() -> None:
        ensure_future(coro, loop=loop)  # bug

    loop.call_soon_threadsafe(start)
