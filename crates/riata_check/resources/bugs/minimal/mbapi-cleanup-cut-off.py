import asyncio
import contextlib


class Socket:
    def __init__(self):
        self._task = None
        self._connection = None
        self._queue = asyncio.Queue()

    async def stop(self):
        if self._task and not self._task.done():
            try:
                await asyncio.wait_for(self._task, timeout=2)
            except asyncio.TimeoutError:
                self._task.cancel()
                with contextlib.suppress(Exception):  # bug
                    await self._task  # bug
        self._task = None
        if self._connection is not None:
            await self._connection.close()
        while not self._queue.empty():
            self._queue.get_nowait()
