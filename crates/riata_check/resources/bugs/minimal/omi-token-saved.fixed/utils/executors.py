import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import httpx

database_executor = ThreadPoolExecutor(8)
_client = httpx.AsyncClient()


@asynccontextmanager
async def shared_client():
    yield _client


async def run_blocking(function, *arguments):
    return await asyncio.get_running_loop().run_in_executor(database_executor, function, *arguments)
