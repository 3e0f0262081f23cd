import asyncio
import contextlib
import threading
from threading import Lock

guard = Lock()


async def bare():
    with guard:  # error: RIA701
        await asyncio.sleep(1)


async def by_hand():
    guard.acquire()  # error: RIA701
    try:
        await asyncio.sleep(1)
    finally:
        guard.release()


async def released_before():
    guard.acquire()
    value = 1
    guard.release()
    await asyncio.sleep(1)
    return value


async def asked():
    if not guard.acquire(blocking=False):
        return
    guard.release()


class Client:
    shared = threading.RLock()

    def __init__(self):
        self._lock = threading.Lock()
        self._token = None
        self._async_lock = asyncio.Lock()

    async def token(self):
        with self._lock:  # error: RIA701
            if self._token is None:
                self._token = await self.fetch()
        return self._token

    async def fetch(self):
        await asyncio.sleep(1)

    async def through_class(self):
        with self.shared:  # error: RIA701
            async for _ in self.stream():
                pass

    async def stream(self):
        yield 1

    @contextlib.contextmanager
    def _protected(self):
        with self._lock:
            yield

    async def through_manager(self):
        with self._protected():  # error: RIA701
            await self.fetch()

    async def fine(self):
        with self._lock:
            self._token = 1
        await self.fetch()
        async with self._async_lock:
            await self.fetch()

    async def only_defined(self):
        with self._lock:

            async def later():
                await self.fetch()

            self._token = later

    async def never_waits(self):
        return self._token

    async def awaits_what_never_waits(self):
        with self._lock:
            return await self.never_waits()


class Lazy:
    _lock: "threading.Lock | None" = None

    async def run(self):
        with self._lock:  # error: RIA701
            await asyncio.sleep(0)
