"""A step of a stream that hands on each chunk as soon as there is one."""

import asyncio
import time

DONE = object()


def chunks(event):
    for line in event.body.splitlines():
        time.sleep(0.5)
        yield line


class StreamingStep:
    def __init__(self, following):
        self.following = following

    async def emit(self, event, chunk):
        await self.following.put((event.key, chunk))

    async def do(self, event):
        loop = asyncio.get_running_loop()
        source = chunks(event)
        while True:
            chunk = await loop.run_in_executor(None, next, source, DONE)
            if chunk is DONE:
                break
            await self.emit(event, chunk)
