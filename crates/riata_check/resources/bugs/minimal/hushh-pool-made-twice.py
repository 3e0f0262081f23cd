import asyncpg

_pool = None


async def get_pool():
    global _pool

    if _pool is None:  # bug
        _pool = await asyncpg.create_pool(min_size=2, max_size=10)  # bug
    return _pool
