"""Starts tasks whose failures are written to the log."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


def create(coroutine: Coroutine[Any, Any, Any], *, name: str) -> "asyncio.Task[Any]":
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    task.add_done_callback(_log_failure)
    return task


def _log_failure(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("%s failed", task.get_name(), exc_info=task.exception())
