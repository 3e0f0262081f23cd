from openai import AsyncOpenAI


class MetaChain:
    def __init__(self, client: AsyncOpenAI | None = None):
        self.client = client or AsyncOpenAI()

    async def run_async(self, messages):
        completion = await self.client.chat.completions.create(model="gpt-4o", messages=messages)
        return completion.choices[0].message
