import asyncio
from typing import overload, override


async def fetch(url, timeout):  # error: RIA502
    return await asyncio.wait_for(asyncio.sleep(1, url), timeout)


async def with_a_default(url, *, timeout: float = 5):  # error: RIA502
    return await asyncio.wait_for(asyncio.sleep(1, url), timeout)


def synchronous(url, timeout):
    return url, timeout


async def another_name(url, connect_timeout):
    return url, connect_timeout


class Base:
    @override
    async def get(self, timeout):
        return timeout

    @overload
    async def put(self, timeout: int): ...
