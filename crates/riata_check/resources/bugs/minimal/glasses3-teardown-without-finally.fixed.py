import asyncio
from contextlib import asynccontextmanager


class Recorder:
    def __init__(self, connection):
        self._connection = connection
        self._queues = []

    async def subscribe(self, signal):
        queue = asyncio.Queue()
        await self._connection.send(("subscribe", signal))
        self._queues.append(queue)
        return queue

    async def unsubscribe(self, signal):
        await self._connection.send(("unsubscribe", signal))

    @asynccontextmanager
    async def events(self, signal):
        queue = await self.subscribe(signal)
        try:
            yield queue
        finally:
            await self.unsubscribe(signal)
            self._queues.remove(queue)
