import asyncio


async def run_tasks(data, run_item):
    gathered = await asyncio.gather(*[asyncio.create_task(run_item(item)) for item in data], return_exceptions=True)
    results = []
    for result in gathered:
        if isinstance(result, BaseException):
            continue
        results.append(result)
    return results
