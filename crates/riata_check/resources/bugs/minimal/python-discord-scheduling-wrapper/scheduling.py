"""Task helpers shared by the bots."""

import asyncio
import contextlib
import functools
from collections.abc import Coroutine
from typing import Any


def create_task(
    coroutine: Coroutine[Any, Any, Any], *, suppressed: tuple[type[Exception], ...] = ()
) -> "asyncio.Task[Any]":
    task = asyncio.create_task(coroutine)
    task.add_done_callback(functools.partial(_report, suppressed=suppressed))
    return task


def _report(task: "asyncio.Task[Any]", suppressed: tuple[type[Exception], ...]) -> None:
    with contextlib.suppress(asyncio.CancelledError, *suppressed):
        task.result()
