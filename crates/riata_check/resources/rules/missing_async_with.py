import asyncio
import contextlib
import tempfile
import threading

import aiohttp
import anyio


class Connection:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        pass


class Both(Connection):
    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


class Plain:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


@contextlib.asynccontextmanager
async def connected():
    await asyncio.sleep(0)
    yield


@contextlib.contextmanager
def changed():
    yield


async def without_async():
    with Connection():  # error: RIA802
        pass
    with connected():  # error: RIA802
        pass
    with aiohttp.ClientSession() as session:  # error: RIA802
        print(session)
    lock = asyncio.Lock()
    with lock:  # error: RIA802
        pass


async def with_async_in_excess(guard: threading.Lock):
    async with Plain():  # error: RIA802
        pass
    async with changed():  # error: RIA802
        pass
    async with guard:  # error: RIA802
        pass
    async with tempfile.TemporaryDirectory() as folder:  # error: RIA802
        print(folder)


async def never_entered():
    connected()  # error: RIA802
    asyncio.timeout(5)  # error: RIA802


class Unknown(aiohttp.Something):
    async def __aenter__(self):
        return self


async def right(unknown):
    async with Connection(), connected():
        pass
    with Plain(), changed():
        pass
    with Both():
        pass
    async with Both():
        pass
    async with asyncio.timeout(5), aiohttp.ClientSession() as session:
        async with session.get("https://example.org") as response:
            return response
    with Unknown():
        pass
    with unknown:
        pass
    async with unknown:
        pass


async def by_hand():
    stack = contextlib.AsyncExitStack()
    await stack.enter_async_context(connected())
    Connection()


async def scopes():
    async with anyio.fail_after(1):  # error: RIA802
        pass
    with anyio.move_on_after(1):
        pass
    async with anyio.create_task_group(), open("file"):  # error: RIA802
        pass
