import httpx


class CarelinkClient:
    def __init__(self):
        self._async_client = None

    @property
    def async_client(self):
        if not self._async_client:
            self._async_client = httpx.AsyncClient()
        return self._async_client

    async def fetch_async(self, url):
        return await self.async_client.get(url)  # bug
