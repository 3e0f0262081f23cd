"""A tool."""

import requests
from tool import FunctionTool


def weather(town: str) -> str:
    return requests.get(f"https://wttr.in/{town}", params={"format": 3}, timeout=10).text


async def answer(town: str) -> str:
    tool = FunctionTool(weather)
    return await tool.acall(town)
