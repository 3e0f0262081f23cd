"""asyncio.wait of coroutines and of tasks."""

import asyncio
from asyncio import wait


async def close():
    pass


async def bare(clients, server):
    await asyncio.wait([close(), close()])  # error: RIA205
    await asyncio.wait({close()}, timeout=1)  # error: RIA205
    await wait([close() for _ in clients])  # error: RIA205
    await asyncio.wait([client.close() for client in clients])  # error: RIA205
    found = []
    for client in clients:
        found.append(server.send(client))
    await asyncio.wait(found)  # error: RIA205
    one = close()
    await asyncio.wait(fs=[one])  # error: RIA205


async def fine(clients, pool, ready):
    await asyncio.wait([asyncio.create_task(close())])
    tasks = [asyncio.ensure_future(close()) for _ in clients]
    await asyncio.wait(tasks)
    await asyncio.wait([pool.submit(client) for client in clients])
    await asyncio.wait(clients)
    await asyncio.wait([ready.start_task()])
    found = set()
    found.add(asyncio.create_task(close()))
    await asyncio.wait(found)
    event = asyncio.Event()
    await event.wait()


class Buffer:
    def drained(self):
        return self.future


async def of_the_project(buffers):
    await asyncio.wait([buffer.drained() for buffer in buffers])
