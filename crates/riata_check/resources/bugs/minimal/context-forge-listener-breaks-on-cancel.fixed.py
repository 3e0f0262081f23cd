"""Forwards what is published on a channel to the session it belongs to."""

import asyncio
import logging
from typing import Any

logger = logging.getLogger(__name__)


class Listener:
    def __init__(self, channel: "asyncio.Queue[dict[str, Any]]") -> None:
        self.channel = channel
        self.seen = 0

    async def run(self) -> None:
        while True:
            try:
                message = await self.channel.get()
                await self.forward(message)
            except asyncio.CancelledError:
                logger.debug("listener cancelled")
                raise
            except Exception:
                logger.exception("could not forward a message")

    async def forward(self, message: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self.seen += 1
