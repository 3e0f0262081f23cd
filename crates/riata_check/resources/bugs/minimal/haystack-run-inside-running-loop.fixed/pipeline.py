"""A pipeline with an async core and a plain way in."""

import asyncio
from typing import Any


class Pipeline:
    async def run_async(self, data: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        return data

    def run(self, data: dict[str, Any]) -> dict[str, Any]:
        return asyncio.run(self.run_async(data))
