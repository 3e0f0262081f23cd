import asyncio


async def load(number):
    await asyncio.sleep(0)
    return number


async def several(numbers):
    await asyncio.gather(load(1), load(2))  # error: RIA401
    return await asyncio.gather(*[load(number) for number in numbers])  # error: RIA401


async def harmless(numbers):
    await asyncio.gather(load(1))
    await asyncio.gather(*[load(number) for number in numbers], return_exceptions=True)
    async with asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(load(number))


async def cancelled_by_hand(numbers):
    tasks = [asyncio.create_task(load(number)) for number in numbers]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
