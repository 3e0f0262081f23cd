"""A step that asks a language model, checks its answer, and asks again."""

from abc import ABC, abstractmethod


class InvalidAnswer(Exception):
    pass


class Block(ABC):
    retries = 3

    def __init__(self, client):
        self.client = client

    @abstractmethod
    async def validate(self, answer: str) -> str: ...

    async def invoke(self, prompt: str) -> str:
        complaint = ""
        for _ in range(self.retries):
            answer = await self.client.complete(prompt + complaint)
            try:
                return await self.validate(answer)
            except InvalidAnswer as error:
                complaint = f"\nYour last answer was wrong: {error}"
        raise InvalidAnswer(complaint)
