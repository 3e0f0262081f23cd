import asyncio
from functools import wraps

import httpx


def async_to_sync(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        return asyncio.run(function(*args, **kwargs))

    return wrapper


class WikibaseSession:
    def __init__(self, url: str):
        self.url = url
        self._client = httpx.AsyncClient(timeout=30)

    async def _get(self, **parameters):
        response = await self._client.get(self.url, params=parameters)  # bug
        response.raise_for_status()
        return response.json()

    async def get_concept_async(self, identifier: str):
        return await self._get(action="wbgetentities", ids=identifier)

    get_concept = async_to_sync(get_concept_async)
