"""Turns a stream of messages into one that has a mark where nothing came for a while."""

from collections.abc import AsyncGenerator, AsyncIterator

import trio


async def with_silence(
    messages: AsyncIterator[str], seconds: float
) -> AsyncGenerator[str | None, None]:
    while True:
        with trio.move_on_after(seconds) as scope:
            message = await anext(messages)
            yield message  # bug
        if scope.cancelled_caught:
            yield None
