import asyncio
from asyncio import wait_for


async def work():
    await asyncio.sleep(1)


class Pool:
    async def acquire(self):
        await asyncio.sleep(1)


pool = Pool()


async def limited():
    await asyncio.wait_for(work(), 5)  # error: RIA505


async def by_name(event):
    return await wait_for(event.wait(), timeout=0.5)  # error: RIA505


async def of_a_task(task, timeout):
    await asyncio.wait_for(task, timeout)  # error: RIA505


async def without_limit():
    await asyncio.wait_for(work(), None)


async def by_timeout():
    async with asyncio.timeout(5):
        await work()


# The other rule reports it.
async def acquired():
    return await asyncio.wait_for(pool.acquire(), timeout=5)
