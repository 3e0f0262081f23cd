"""Serves completions."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from engine import Serving
from pydantic import BaseModel


class CompletionRequest(BaseModel):
    prompts: list[str]
    limit: int | None = None


class CompletionServing(Serving):
    def __init__(self, model: str):
        super().__init__(model)
        self.threads = ThreadPoolExecutor(max_workers=1)

    async def create(self, request: CompletionRequest, engine):
        loop = asyncio.get_running_loop()
        tokens = await loop.run_in_executor(
            self.threads, self.tokenize_prompts, request.prompts, request.limit
        )
        return await engine.generate(tokens)
