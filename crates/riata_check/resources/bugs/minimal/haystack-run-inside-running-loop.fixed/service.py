from typing import Any

from pipeline import Pipeline


async def answer(pipeline: Pipeline, question: str) -> str:
    result = await pipeline.run_async({"question": question})
    return str(result)


async def handle(request: dict[str, Any]) -> dict[str, str]:
    pipeline = Pipeline()
    return {"answer": await answer(pipeline, request["question"])}
