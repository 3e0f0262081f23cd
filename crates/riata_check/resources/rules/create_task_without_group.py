import asyncio


async def load(number):
    await asyncio.sleep(0)
    return number


async def started_and_awaited():
    task = asyncio.create_task(load(1))  # error: RIA403
    other = await load(2)
    return await task, other


async def in_a_group():
    async with asyncio.TaskGroup() as group:
        task = group.create_task(load(1))
    return task.result()


async def given_on(tasks):
    task = asyncio.create_task(load(1))
    tasks.add(task)


async def cancelled():
    task = asyncio.create_task(load(1))
    try:
        await load(2)
    finally:
        task.cancel()
        await task
