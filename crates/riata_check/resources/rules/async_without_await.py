import abc
import asyncio
from typing import Protocol


async def full_name(user):  # error: RIA1001
    return f"{user.first} {user.last}"


class Service:
    async def name(self):  # error: RIA1001
        return self._name

    async def load(self):
        return 1

    async def todo(self):
        raise NotImplementedError

    async def __aenter__(self):
        return self


class Derived(Service):
    async def load(self):
        await asyncio.sleep(0)
        return 2

    async def todo(self):
        return 3


class Interface(Protocol):
    async def get(self) -> int: ...


class Abstract(abc.ABC):
    @abc.abstractmethod
    async def get(self):
        return 1


async def handler(request):
    return request


app = {"handler": handler}


@app.get
async def decorated(request):
    return request


async def waits():
    await full_name(None)
    async with asyncio.timeout(1):
        pass
    return [item async for item in generates()]


async def generates():
    yield 1


async def only_async_for(items):
    async for item in items:
        print(item)
