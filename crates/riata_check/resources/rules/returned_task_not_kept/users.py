"""Callers that drop the task that they get, or not."""

import asyncio

import background
from background import Registry, logged


async def work():
    await asyncio.sleep(1)


def drops(loop: asyncio.AbstractEventLoop, registry: Registry):
    logged(work())  # error: RIA303
    background.direct(work())  # error: RIA303
    background.through(work())  # error: RIA303
    registry.start_lost(work())  # error: RIA303
    loop.call_later(1, lambda: logged(work()))  # error: RIA303
    loop.call_later(1, logged, work())  # error: RIA303


async def drops_what_it_awaited():
    await background.later(work())  # error: RIA303


async def fine(registry: Registry):
    background.kept(work())
    background.nothing(work())
    registry.start(work())
    await background.result_or_task(work(), True)
    await logged(work())
    task = logged(work())
    other = await background.later(work())
    await other
    return task
