import asyncio


class Socket:
    def __init__(self):
        self._task = None
        self._connection = None
        self._queue = asyncio.Queue()

    async def stop(self):
        if self._task and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=2)
        self._task = None
        if self._connection is not None:
            await self._connection.close()
        while not self._queue.empty():
            self._queue.get_nowait()
