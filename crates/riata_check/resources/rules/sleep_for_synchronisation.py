"""Tests that sleep."""

import asyncio


async def work(found):
    found.append(1)


async def test_sleeps():
    found = []
    task = asyncio.create_task(work(found))
    await asyncio.sleep(0.1)  # error: RIA904
    assert found == [1]
    await task


async def test_turn():
    found = []
    task = asyncio.create_task(work(found))
    await asyncio.sleep(0)
    assert found == [1]
    await task


async def test_nothing_happens():
    found = []
    task = asyncio.create_task(work(found))
    await asyncio.sleep(0.1)
    assert not found
    await asyncio.sleep(0.1)
    assert found == []
    await task


async def test_no_other_task():
    before = asyncio.get_running_loop().time()
    await asyncio.sleep(0.1)
    assert asyncio.get_running_loop().time() > before


async def helper():
    task = asyncio.create_task(work([]))
    await asyncio.sleep(0.1)
    assert task.done()
