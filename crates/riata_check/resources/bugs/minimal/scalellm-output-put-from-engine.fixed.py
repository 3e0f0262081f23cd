import asyncio

from engine import Handler, Request


class Stream:
    def __init__(self):
        self._queue = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def put(self, output):
        self._loop.call_soon_threadsafe(self._queue.put_nowait, output)

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self._queue.get()


class AsyncEngine:
    def __init__(self, options):
        # Its threads call back with each token.
        self._handler = Handler(options)

    async def schedule(self, prompt):
        stream = Stream()

        def on_output(output):
            stream.put(output)
            return True

        self._handler.schedule(Request(prompt), on_output)
        return stream
