from abc import ABC, abstractmethod

import openai


class LLM(ABC):
    @abstractmethod
    def complete(self, prompt: str) -> str: ...

    @abstractmethod
    async def acomplete(self, prompt: str) -> str: ...


class OpenAI(LLM):
    def __init__(self):
        self.client = openai.OpenAI()
        self.aclient = openai.AsyncOpenAI()

    def complete(self, prompt: str) -> str:
        return self.client.completions.create(model="m", prompt=prompt).choices[0].text

    async def acomplete(self, prompt: str) -> str:
        answer = await self.aclient.completions.create(model="m", prompt=prompt)
        return answer.choices[0].text
