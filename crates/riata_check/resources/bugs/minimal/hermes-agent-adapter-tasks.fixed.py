import asyncio
import logging

logger = logging.getLogger(__name__)


class Adapter:
    def __init__(self, client, token):
        self._client = client
        self._token = token
        self._running = False
        self._client_task = None
        self._poll_task = None

    async def connect(self) -> bool:
        try:
            ready = asyncio.Event()
            self._client.on_ready = ready.set
            self._client_task = asyncio.create_task(self._client.start(self._token))
            await asyncio.wait_for(ready.wait(), timeout=30)
        except Exception as error:
            logger.error("no connection: %s", error)
            return False
        self._running = True
        self._poll_task = asyncio.create_task(self._poll())
        return True

    async def _poll(self) -> None:
        while self._running:
            for message in await self._client.fetch():
                await self.handle(message)
            await asyncio.sleep(1)

    async def handle(self, message) -> None:
        logger.info("%s", message)
