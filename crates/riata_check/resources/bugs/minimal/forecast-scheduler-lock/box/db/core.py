import asyncio

lock = asyncio.Lock()  # bug


async def with_retry(call):
    for attempt in range(3):
        try:
            async with lock:
                return await call()
        except OSError:
            await asyncio.sleep(attempt)
    raise RuntimeError("the database is locked")
