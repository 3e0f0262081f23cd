import asyncio

import asyncpg

_pool = None
_lock = asyncio.Lock()


async def get_pool():
    global _pool

    if _pool is not None:
        return _pool
    async with _lock:
        if _pool is None:
            _pool = await asyncpg.create_pool(min_size=2, max_size=10)
    return _pool
