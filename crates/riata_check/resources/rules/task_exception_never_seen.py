"""Tasks in attributes."""

import asyncio


async def work():
    pass


class Unseen:
    def __init__(self):
        self._task = None

    def start(self):
        self._task = asyncio.create_task(work())  # error: RIA304

    def stop(self):
        if self._task:
            self._task.cancel()
        if self._task is not None and not self._task.done():
            self._task.cancel()


class Seen:
    def start(self):
        self._task = asyncio.create_task(work())
        self._other = asyncio.create_task(work())
        self._other.add_done_callback(print)
        self._last = asyncio.create_task(work())
        self.public = asyncio.create_task(work())

    async def stop(self):
        self._task.cancel()
        await self._task
        await asyncio.gather(self._last)
