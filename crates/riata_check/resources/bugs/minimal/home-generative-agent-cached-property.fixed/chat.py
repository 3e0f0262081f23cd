"""A chat model for an agent."""

import asyncio

from client import AsyncClient


class Chat:
    def __init__(self, model, client):
        self.model = model
        self.client = client

    @classmethod
    async def make(cls, model):
        return cls(model, await asyncio.to_thread(AsyncClient))

    async def generate(self, messages):
        return await self.client.create(model=self.model, messages=messages)
