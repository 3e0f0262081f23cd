"""anyio's plugin runs tests and fixtures in a task of its own; what the loop runs only waits for an answer of that.

What is deliberately absent: any import of anyio.
"""

import asyncio
from typing import Any

__all__ = ["taken_from_anyio"]


def taken_from_anyio(future: Any) -> "asyncio.Task[Any] | None":
    """The task in which the coroutine runs that the future waits for; none when it is not one of anyio's plugin.

    The plugin makes a new one for what comes next, which would otherwise wait behind a test that does not end.
    """
    if not isinstance(future, asyncio.Task):
        return None
    coro: Any = future.get_coro()
    if getattr(coro, "__qualname__", "") != "TestRunner._call_in_runner_task" or not coro.cr_frame:
        return None
    runner = coro.cr_frame.f_locals.get("self")
    task: asyncio.Task[Any] | None = getattr(runner, "_runner_task", None)
    if task is not None:
        runner._runner_task = None
    return task
