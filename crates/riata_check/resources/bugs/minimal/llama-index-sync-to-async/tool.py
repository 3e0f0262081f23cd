"""Functions as tools for an agent."""

from collections.abc import Awaitable, Callable
from typing import Any


def sync_to_async(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)  # bug

    return wrapped


class FunctionTool:
    def __init__(self, function: Callable[..., Any]):
        self.function = function
        self.async_function = sync_to_async(function)

    def call(self, *arguments: Any, **named: Any) -> str:
        return str(self.function(*arguments, **named))

    async def acall(self, *arguments: Any, **named: Any) -> str:
        return str(await self.async_function(*arguments, **named))
