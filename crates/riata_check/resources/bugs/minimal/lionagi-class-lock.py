import asyncio
from typing import Any


class MCPConnectionPool:
    _clients: dict[str, Any] = {}
    _lock = asyncio.Lock()  # bug

    @classmethod
    async def get_client(cls, key, make):
        async with cls._lock:
            if key not in cls._clients:
                cls._clients[key] = await make()
            return cls._clients[key]
