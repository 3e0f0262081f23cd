"""A step of a stream that hands on each chunk as soon as there is one."""

import time


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
        for chunk in chunks(event):  # bug
            await self.emit(event, chunk)
