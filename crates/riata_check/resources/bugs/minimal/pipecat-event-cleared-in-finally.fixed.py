"""Calls back when nothing has happened for a while."""

import asyncio
from collections.abc import Awaitable, Callable


class IdleWatch:
    def __init__(self, callback: Callable[[], Awaitable[None]], timeout: float) -> None:
        self._callback = callback
        self._timeout = timeout
        self._active = asyncio.Event()

    def touch(self) -> None:
        self._active.set()

    async def run(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._active.wait(), timeout=self._timeout)
                self._active.clear()
            except asyncio.TimeoutError:
                await self._callback()
