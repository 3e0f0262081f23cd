"""A client of a language model."""

import os
from pathlib import Path

import aiohttp


class AsyncClient:
    def __init__(self, key=None):
        self.key = key or os.environ.get("MODEL_KEY") or self.stored_key()

    @staticmethod
    def stored_key():
        chosen = (Path.home() / ".config" / "model" / "active").read_text().strip()
        return (Path.home() / ".config" / "model" / chosen).read_text().strip()

    async def create(self, **request):
        async with aiohttp.ClientSession(headers={"x-api-key": self.key}) as session:
            async with session.post("https://localhost/v1/messages", json=request) as response:
                return await response.json()
