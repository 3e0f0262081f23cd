import asyncio
from contextlib import asynccontextmanager


@asynccontextmanager
async def lifespan(app):
    async def _force_log():
        while True:
            await asyncio.sleep(10)
            await app.engine.do_log_stats()

    if app.stats:
        asyncio.create_task(_force_log())  # bug
    yield
