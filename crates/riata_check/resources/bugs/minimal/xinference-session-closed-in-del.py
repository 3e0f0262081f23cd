import asyncio

import aiohttp


class AsyncRESTfulModelHandle:
    def __init__(self, model_uid: str, base_url: str):
        self.model_uid = model_uid
        self.base_url = base_url
        self.session = aiohttp.ClientSession()

    async def close(self):
        if self.session:
            await self.session.close()
            self.session = None

    def __del__(self):
        if self.session:
            loop = asyncio.get_event_loop()
            loop.create_task(self.close())  # bug
