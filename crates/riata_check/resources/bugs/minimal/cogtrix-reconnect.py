class MCPManager:
    def __init__(self):
        self._connections = {}

    async def _reconnect_server(self, name, make):
        connection = self._connections.pop(name, None)
        if connection is not None:
            await connection.close()
        connection = make(name)
        await connection.connect()
        self._connections[name] = connection  # bug
