import asyncio
import threading


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

    async def left_before_the_try(self):
        await self._lock.acquire()  # error: RIA707
        if self._ready.is_set():
            return None
        try:
            return await work()
        finally:
            self._lock.release()

    async def taken_inside_the_try(self):
        try:
            await self._lock.acquire()  # error: RIA707
            await work()
        finally:
            self._lock.release()

    async def whose_it_is_is_not_asked(self):
        try:
            await self._lock.acquire()  # error: RIA707
            await work()
        finally:
            if self._lock.locked():
                self._lock.release()

    async def left_after_the_release(self):
        await self._lock.acquire()
        if self._ready.is_set():
            self._lock.release()
            return None
        try:
            return await work()
        finally:
            self._lock.release()

    async def left_by_the_try(self):
        await self._lock.acquire()
        try:
            if self._ready.is_set():
                return None
            return await work()
        finally:
            self._lock.release()

    async def kept_for_the_caller(self):
        await self._slots.acquire()
        if self._ready.is_set():
            return True
        self._slots.release()
        return False

    async def left_before_it_is_taken(self):
        if self._ready.is_set():
            return None
        await self._lock.acquire()
        try:
            return await work()
        finally:
            self._lock.release()

    async def remembered_whose_it_is(self):
        taken = False
        try:
            await self._lock.acquire()
            taken = True
            await work()
        finally:
            if taken:
                self._lock.release()

    async def cancellation_looked_after(self):
        try:
            await self._lock.acquire()
            await work()
        except asyncio.CancelledError:
            await self.left_by_the_try()
            raise
        finally:
            self._lock.release()


class Threads:
    def __init__(self):
        self._lock = threading.Lock()

    async def taken_by_a_thread(self):
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._lock.acquire)  # error: RIA707
        try:
            await work()
        finally:
            self._lock.release()

    async def taken_by_another_thread(self):
        await asyncio.to_thread(self._lock.acquire)  # error: RIA707
        self._lock.release()

    async def shielded(self):
        taking = asyncio.ensure_future(asyncio.to_thread(self._lock.acquire))
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(lambda _: self._lock.release())
            raise
        self._lock.release()


class Limits:
    def __init__(self):
        self._slots = asyncio.Semaphore(3)

    async def left_where_it_was_not_taken(self):
        try:
            await asyncio.wait_for(self._slots.acquire(), 5)
        except TimeoutError:
            return None
        try:
            return await work()
        finally:
            self._slots.release()


class Ways:
    def __init__(self):
        self._lock = asyncio.Lock()
        self._other = asyncio.Lock()
        self._never = asyncio.Semaphore(3)
        self._handed = asyncio.Semaphore(3)
        self._signal = asyncio.Semaphore(0)

    async def early_return(self, closed):
        await self._lock.acquire()  # error: RIA707
        if closed:
            return
        self._lock.release()

    async def early_raise(self, closed):
        await self._lock.acquire()  # error: RIA707
        if closed:
            raise ValueError
        self._lock.release()

    async def keeps_it_and_says_so(self, wanted):
        await self._lock.acquire()
        if wanted:
            return True
        self._lock.release()
        return False

    async def released_before(self, closed):
        await self._lock.acquire()
        if closed:
            self._lock.release()
            return
        self._lock.release()

    async def times_out(self):
        try:
            await asyncio.wait_for(self._lock.acquire(), 1)
        except TimeoutError:
            return
        self._lock.release()

    async def nowhere(self):
        await self._never.acquire()  # error: RIA707
        await work()

    async def released_by_another(self):
        await self._handed.acquire()
        return Connection(self._handed)

    async def waits_for_a_signal(self):
        await self._signal.acquire()


class Connection:
    def __init__(self, slots):
        self.slots = slots


async def one_at_a_time(urls):
    gate = asyncio.Semaphore(3)

    async def fetch(url):
        await gate.acquire()  # error: RIA707
        return url

    return await asyncio.gather(*(fetch(url) for url in urls))


async def of_the_caller(lock: asyncio.Lock):
    await lock.acquire()
