import asyncio
import ssl


class Coordinator:
    def __init__(self, hass, entry):
        self.hass = hass
        self.entry = entry
        self.sslcontext = None

    async def async_refresh(self):
        loop = asyncio.get_running_loop()
        self.sslcontext = await loop.run_in_executor(None, ssl.create_default_context)
