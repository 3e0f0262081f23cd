import asyncio

import anyio

lock = asyncio.Lock()  # error: RIA702
quiet_lock = asyncio.Lock()
future = asyncio.Future()  # error: RIA702
event = None


async def use():
    async with lock:
        await asyncio.sleep(1)


def call():
    return asyncio.run(use())


async def wait():
    global event
    if event is None:
        event = asyncio.Event()  # error: RIA702
    await event.wait()


class Status:
    stopped = None
    guard = None

    @classmethod
    async def wait(cls):
        if cls.stopped is None:
            cls.stopped = asyncio.Event()  # error: RIA702
        await cls.stopped.wait()

    @staticmethod
    async def wait_by_name():
        if Status.stopped is None:
            Status.stopped = anyio.Event()  # error: RIA702
        await Status.stopped.wait()

    @classmethod
    async def lazily_locked(cls):
        if cls.guard is None:
            cls.guard = asyncio.Lock()
        async with cls.guard:
            pass


class Server:
    def __init__(self):
        self.stopped = asyncio.Event()

    async def restart(self):
        if self.stopped.is_set():
            self.stopped = asyncio.Event()


if __name__ == "__main__":
    stop = asyncio.Event()
