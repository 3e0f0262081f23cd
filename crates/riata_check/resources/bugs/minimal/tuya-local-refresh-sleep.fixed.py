import asyncio


class Device:
    def __init__(self, api, tries):
        self.api = api
        self.tries = tries

    async def refresh(self):
        for attempt in range(self.tries):
            try:
                if attempt:
                    await asyncio.sleep(5 * attempt)
                return await self.api.status()
            except OSError:
                continue
        return None
