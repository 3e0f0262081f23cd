"""A cache whose connections are made when they are first needed."""

import asyncio
from typing import Any

import aioredis


class Cache:
    def __init__(self, endpoint: str, port: int) -> None:
        self.endpoint = endpoint
        self.port = port
        self._pool: Any = None
        self._pool_lock = asyncio.Lock()

    async def _connect(self) -> Any:
        async with self._pool_lock:
            if self._pool is None:
                self._pool = await aioredis.create_pool((self.endpoint, self.port))
        return self._pool

    async def get(self, key: str) -> Any:
        async with (await self._connect()).get() as connection:
            return await connection.get(key)
