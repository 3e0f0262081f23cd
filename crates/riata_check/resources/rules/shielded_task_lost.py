import asyncio

tasks = set()


async def work():
    await asyncio.sleep(1)


async def lost():
    task = asyncio.create_task(work())
    return await asyncio.shield(task)  # error: RIA609


async def lost_with_callback():
    task = asyncio.create_task(work())
    try:
        return await asyncio.shield(task)  # error: RIA609
    except asyncio.CancelledError:
        task.add_done_callback(print)
        raise


async def kept():
    task = asyncio.create_task(work())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return await asyncio.shield(task)


async def waited_for():
    task = asyncio.create_task(work())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def of_a_caller(task):
    return await asyncio.shield(task)
