import asyncio


class Pool:
    async def acquire(self):
        await asyncio.sleep(0)
        return object()

    async def close(self):
        await asyncio.sleep(0)


async def acquired(pool: Pool, lock: asyncio.Lock):
    await asyncio.wait_for(lock.acquire(), 5)  # error: RIA503
    return await asyncio.wait_for(pool.acquire(), timeout=5)  # error: RIA503


async def in_a_helper(pool: Pool, timeout):
    async def _acquire_impl():
        return await pool.acquire()

    return await asyncio.wait_for(_acquire_impl(), timeout=timeout)  # error: RIA503


async def stubborn():
    while True:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            print("not yet")


async def docile():
    while True:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            print("good bye")
            raise


async def bounded():
    await asyncio.wait_for(stubborn(), 5)  # error: RIA503
    await asyncio.wait_for(docile(), 5)


async def nothing_acquired(pool: Pool, queue: asyncio.Queue):
    await asyncio.wait_for(pool.close(), 5)
    await asyncio.wait_for(queue.join(), 5)
    await asyncio.wait_for(pool.acquire(), None)
    async with asyncio.timeout(5):
        return await pool.acquire()


class Own:
    async def wait_for(self, call):
        return await call

    async def use(self, pool: Pool):
        return await self.wait_for(pool.acquire())
