"""Turns a stream of messages into one that has a mark where nothing came for a while."""

from collections.abc import AsyncGenerator

import trio


async def with_silence(
    messages: "trio.MemoryReceiveChannel[str]", seconds: float
) -> AsyncGenerator[str | None, None]:
    while True:
        message: str | None = None
        with trio.move_on_after(seconds):
            message = await messages.receive()
        yield message
