"""Serves completions."""

from engine import Serving
from pydantic import BaseModel


class CompletionRequest(BaseModel):
    prompts: list[str]
    limit: int | None = None


class CompletionServing(Serving):
    async def create(self, request: CompletionRequest, engine):
        tokens = self.tokenize_prompts(request.prompts, request.limit)  # bug
        return await engine.generate(tokens)
