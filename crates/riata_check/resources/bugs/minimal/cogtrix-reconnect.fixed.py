import asyncio


class MCPManager:
    def __init__(self):
        self._connections = {}
        self._lock = asyncio.Lock()

    async def _reconnect_server(self, name, make):
        async with self._lock:
            connection = self._connections.pop(name, None)
            if connection is not None:
                await connection.close()
            connection = make(name)
            await connection.connect()
            self._connections[name] = connection
