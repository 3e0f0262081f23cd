import asyncio
import threading

lock = threading.local()


def _lock() -> asyncio.Lock:
    if not hasattr(lock, "of_loop"):
        lock.of_loop = asyncio.Lock()
    return lock.of_loop


async def with_retry(call):
    for attempt in range(3):
        try:
            async with _lock():
                return await call()
        except OSError:
            await asyncio.sleep(attempt)
    raise RuntimeError("the database is locked")
