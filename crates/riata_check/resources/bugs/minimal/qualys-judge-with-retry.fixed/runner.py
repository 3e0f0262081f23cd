import asyncio
import time

import anthropic


def message_with_retry(client: anthropic.Anthropic, tries=3, **request):
    for attempt in range(tries):
        try:
            return client.messages.create(**request)
        except anthropic.RateLimitError:
            time.sleep(2**attempt)
    raise RuntimeError("no answer")


class Runner:
    def __init__(self, session):
        self.session = session
        self.client = anthropic.Anthropic()

    async def ask(self, question):
        tools = await self.session.list_tools()
        answer = await asyncio.to_thread(
            message_with_retry, self.client, tools=tools, question=question
        )
        return answer.content
