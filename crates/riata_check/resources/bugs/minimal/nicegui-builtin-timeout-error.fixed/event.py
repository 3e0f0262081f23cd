"""An event that can be awaited once."""

import asyncio
from typing import Any


class Event:
    def __init__(self) -> None:
        self._waiting: list["asyncio.Future[Any]"] = []

    def emit(self, value: Any) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(value)
        self._waiting.clear()

    async def emitted(self, timeout: float) -> Any:
        future: "asyncio.Future[Any]" = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await asyncio.wait_for(future, timeout)
        except asyncio.TimeoutError as error:
            raise TimeoutError(f"no event within {timeout} seconds") from error
