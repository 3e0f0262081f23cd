import asyncio
import threading
from asyncio import Queue

LOCK = asyncio.Lock()  # error: RIA709
jobs: Queue = Queue()  # error: RIA709
COUNT = 0
OTHER = threading.Lock()


class Client:
    _lock = asyncio.Lock()  # error: RIA709
    _limit: asyncio.Semaphore = asyncio.Semaphore(3)  # error: RIA709
    _later = None

    def __init__(self):
        self._own = asyncio.Lock()

    async def work(self, lock=asyncio.Lock()):  # error: RIA709
        async with lock:
            await asyncio.sleep(1)

    async def own(self, lock=None):
        async with lock or asyncio.Lock():
            await asyncio.sleep(1)


def make():
    return asyncio.Lock()


if __name__ == "__main__":
    main_lock = asyncio.Lock()
