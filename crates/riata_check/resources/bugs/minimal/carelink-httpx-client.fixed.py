import httpx


class CarelinkClient:
    def __init__(self, client: httpx.AsyncClient):
        self._async_client = client

    @property
    def async_client(self):
        return self._async_client

    async def fetch_async(self, url):
        return await self.async_client.get(url)
