import asyncio


async def work():
    await asyncio.sleep(1)


async def never_waits():
    return 1


class Pool:
    def __init__(self):
        self._lock = asyncio.Lock()
        self._slots = asyncio.Semaphore(3)
        self._ready = asyncio.Event()

    async def by_hand(self):
        await self._lock.acquire()  # error: RIA707
        await work()
        self._lock.release()

    async def on_errors_only(self):
        await self._lock.acquire()  # error: RIA707
        try:
            await work()
        except Exception:
            self._lock.release()
            raise
        self._lock.release()

    async def event_as_lock(self):
        if self._ready.is_set():
            self._ready.clear()  # error: RIA707
            await work()
            self._ready.set()
        else:
            await self._ready.wait()

    async def by_finally(self):
        await self._lock.acquire()
        try:
            await work()
        finally:
            self._lock.release()

    async def by_base_exception(self):
        await self._lock.acquire()
        try:
            await work()
        except BaseException:
            self._lock.release()
            raise
        self._lock.release()

    async def by_with(self):
        async with self._lock:
            await work()

    async def handed_over(self):
        await self._slots.acquire()
        await work()
        asyncio.get_running_loop().call_later(1, self._slots.release)

    async def nothing_awaited(self):
        await self._lock.acquire()
        value = await never_waits()
        self._lock.release()
        return value

    async def event_by_finally(self):
        if self._ready.is_set():
            self._ready.clear()
            try:
                await work()
            finally:
                self._ready.set()

    async def signal(self):
        self._ready.clear()
        await work()
        self._ready.set()
