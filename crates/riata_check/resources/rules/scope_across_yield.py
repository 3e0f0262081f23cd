import asyncio
import contextlib

import anyio
import pytest
import trio


async def under_a_timeout(channel):
    async with asyncio.timeout(10):
        while True:
            yield await channel.receive()  # error: RIA504


async def under_a_cancel_scope(channel):
    while True:
        with trio.move_on_after(1) as scope:
            message = await channel.receive()
            yield message  # error: RIA504
        if scope.cancelled_caught:
            yield None


async def in_a_task_group(channels):
    async with anyio.create_task_group() as group:
        for channel in channels:
            group.start_soon(channel.run)
            yield channel  # error: RIA504


async def in_a_nursery(channels):
    async with trio.open_nursery() as nursery:
        yield nursery  # error: RIA504
        yield channels


async def after_the_block(channel):
    while True:
        async with asyncio.timeout(10):
            message = await channel.receive()
        yield message


@contextlib.asynccontextmanager
async def connected():
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        yield group


@pytest.fixture
async def group():
    async with asyncio.TaskGroup() as group:
        yield group


async def a_dependency():
    async with asyncio.TaskGroup() as group:
        yield group


async def another_context(lock, items):
    async with lock:
        for item in items:
            yield item


async def in_a_function_inside(channel):
    async def consume():
        async with asyncio.timeout(10):
            return await channel.receive()

    while True:
        yield await consume()
