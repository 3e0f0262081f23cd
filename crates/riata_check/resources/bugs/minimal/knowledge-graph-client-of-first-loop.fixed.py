import asyncio
import threading
from functools import wraps

import httpx


local = threading.local()


def loop_of_thread() -> asyncio.AbstractEventLoop:
    if not hasattr(local, "loop"):
        local.loop = asyncio.new_event_loop()
    return local.loop


def async_to_sync(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        return loop_of_thread().run_until_complete(function(*args, **kwargs))

    return wrapper


class WikibaseSession:
    def __init__(self, url: str):
        self.url = url
        self._client = httpx.AsyncClient(timeout=30)

    async def _get(self, **parameters):
        response = await self._client.get(self.url, params=parameters)
        response.raise_for_status()
        return response.json()

    async def get_concept_async(self, identifier: str):
        return await self._get(action="wbgetentities", ids=identifier)

    get_concept = async_to_sync(get_concept_async)
