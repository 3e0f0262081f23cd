"""Futures that are dropped in async functions."""

import asyncio


def write():
    pass


async def read():
    pass


async def dropped():
    asyncio.gather(read(), read())  # error: RIA204
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, write)  # error: RIA204
    asyncio.shield(read())  # error: RIA204


async def fine(tasks):
    await asyncio.gather(read(), read())
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, write)
    future = loop.run_in_executor(None, write)
    tasks.append(loop.run_in_executor(None, write))
    return future


def synchronous(loop: asyncio.AbstractEventLoop):
    loop.run_in_executor(None, write)
