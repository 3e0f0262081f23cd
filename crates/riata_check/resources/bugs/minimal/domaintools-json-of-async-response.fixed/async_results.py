from typing import Any

import aiohttp
from results import Results


class AsyncResults(Results):
    async def fetch(self, session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
        async with session.get(url) as response:
            self._data = await response.json()
        return self.data()
