"""A chat model for an agent."""

from functools import cached_property

from client import AsyncClient


class Chat:
    def __init__(self, model):
        self.model = model

    @cached_property
    def client(self):
        return AsyncClient()

    async def generate(self, messages):
        return await self.client.create(model=self.model, messages=messages)  # bug
