import asyncio

import aiohttp


class AsyncRESTfulModelHandle:
    def __init__(self, model_uid: str, base_url: str):
        self.model_uid = model_uid
        self.base_url = base_url
        self.session = aiohttp.ClientSession()
        self.loop = asyncio.get_running_loop()

    async def close(self):
        if self.session:
            await self.session.close()
            self.session = None

    def __del__(self):
        if self.session and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._close_connector)

    def _close_connector(self):
        self.session.detach()
