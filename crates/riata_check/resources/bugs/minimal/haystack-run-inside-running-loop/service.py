from typing import Any

from pipeline import Pipeline


def answer(pipeline: Pipeline, question: str) -> str:
    result = pipeline.run({"question": question})
    return str(result)


async def handle(request: dict[str, Any]) -> dict[str, str]:
    pipeline = Pipeline()
    return {"answer": answer(pipeline, request["question"])}  # bug
