"""Tasks that nobody keeps."""

import asyncio
import functools


async def work():
    await asyncio.sleep(1)


tasks = set()


class Device:
    def __init__(self, loop):
        self._loop = loop
        self._event_loop = loop
        self.task = None

    def message(self, hass):
        asyncio.create_task(work())  # error: RIA301
        asyncio.ensure_future(work())  # error: RIA301
        self._loop.create_task(work())  # error: RIA301
        self._event_loop.create_task(work(), name="work")  # error: RIA301
        hass.loop.create_task(work())  # error: RIA301
        asyncio.get_running_loop().create_task(work())  # error: RIA301
        asyncio.create_task(work()).add_done_callback(print)  # error: RIA301

    def timers(self, loop: asyncio.AbstractEventLoop, future: asyncio.Future):
        loop.call_later(1, lambda: asyncio.create_task(work()))  # error: RIA301
        loop.call_soon_threadsafe(asyncio.create_task, work())  # error: RIA301
        loop.call_soon(functools.partial(asyncio.ensure_future, work()))  # error: RIA301
        future.add_done_callback(lambda _: asyncio.ensure_future(work()))  # error: RIA301

    def kept(self):
        self.task = asyncio.create_task(work())
        tasks.add(asyncio.create_task(work()))
        return asyncio.create_task(work())


async def in_comprehension(items):
    [asyncio.create_task(work()) for _ in items]  # error: RIA301
    items and asyncio.create_task(work())  # error: RIA301


async def fine(nursery, project, store):
    await asyncio.create_task(work())
    async with asyncio.TaskGroup() as group:
        group.create_task(work())
    nursery.start_soon(work)
    project.create_task("a name")
    task = asyncio.create_task(work())
    asyncio.ensure_future(task)
    await task
    store(asyncio.create_task(work()))
    running = [asyncio.create_task(work()) for _ in range(3)]
    await asyncio.wait(running)
    asyncio.run_coroutine_threadsafe(work(), asyncio.get_running_loop())
    later = lambda: asyncio.create_task(work())
    return later
