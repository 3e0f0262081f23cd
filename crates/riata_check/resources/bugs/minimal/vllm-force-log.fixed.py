import asyncio
from contextlib import asynccontextmanager

running = set()


@asynccontextmanager
async def lifespan(app):
    async def _force_log():
        while True:
            await asyncio.sleep(10)
            await app.engine.do_log_stats()

    if app.stats:
        task = asyncio.create_task(_force_log())
        running.add(task)
        task.add_done_callback(running.remove)
    yield
