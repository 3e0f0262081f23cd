import asyncio
from typing import Any


class MCPConnectionPool:
    def __init__(self):
        self._clients: dict[str, Any] = {}
        self._lock = asyncio.Lock()

    async def get_client(self, key, make):
        async with self._lock:
            if key not in self._clients:
                self._clients[key] = await make()
            return self._clients[key]
