"""A cache whose connections are made when they are first needed."""

from typing import Any

import aioredis


class Cache:
    def __init__(self, endpoint: str, port: int) -> None:
        self.endpoint = endpoint
        self.port = port
        self._pool: Any = None

    async def _connect(self) -> Any:
        if self._pool is None:  # bug
            self._pool = await aioredis.create_pool((self.endpoint, self.port))  # bug
        return self._pool

    async def get(self, key: str) -> Any:
        async with (await self._connect()).get() as connection:
            return await connection.get(key)
