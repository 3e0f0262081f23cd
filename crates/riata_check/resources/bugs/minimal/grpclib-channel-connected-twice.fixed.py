import asyncio


class Channel:
    def __init__(self, host, port, factory):
        self._host = host
        self._port = port
        self._factory = factory
        self._loop = asyncio.get_event_loop()
        self._protocol = None
        self._connect_lock = asyncio.Lock()

    async def __connect__(self):
        async with self._connect_lock:
            if self._protocol is None or self._protocol.handler.connection_lost:
                _, self._protocol = await self._loop.create_connection(
                    self._factory, self._host, self._port
                )
        return self._protocol
