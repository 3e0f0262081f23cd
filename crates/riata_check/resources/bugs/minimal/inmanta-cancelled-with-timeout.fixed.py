"""Closes the connections to the database, by force if it takes too long."""

import asyncio

import asyncpg


class Documents:
    pool: asyncpg.Pool | None = None

    @classmethod
    async def close(cls) -> None:
        if cls.pool is None:
            return
        pool, cls.pool = cls.pool, None
        try:
            await asyncio.wait_for(pool.close(), timeout=10)
        except asyncio.TimeoutError:
            pool.terminate()
        except asyncio.CancelledError:
            pool.terminate()
            raise
