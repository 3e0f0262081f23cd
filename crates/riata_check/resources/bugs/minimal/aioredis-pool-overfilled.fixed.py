"""A pool that makes connections as long as it is not full."""

import asyncio
from typing import Any


class Pool:
    def __init__(self, smallest: int, largest: int) -> None:
        self.smallest = smallest
        self._free: "asyncio.Queue[Any]" = asyncio.Queue(largest)
        self._used: set[Any] = set()
        self._filling = asyncio.Lock()

    @property
    def size(self) -> int:
        return self._free.qsize() + len(self._used)

    async def _new_connection(self) -> Any:
        await asyncio.sleep(0)
        return object()

    async def _fill_free(self) -> None:
        async with self._filling:
            while self._free.qsize() < self.smallest and self.size < self._free.maxsize:
                connection = await self._new_connection()
                self._free.put_nowait(connection)

    async def acquire(self) -> Any:
        await self._fill_free()
        connection = await self._free.get()
        self._used.add(connection)
        return connection
