import abc
import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator


async def subscribe(url):
    try:
        while True:
            await asyncio.sleep(1)
            yield url
    finally:
        print("unsubscribed")


async def in_a_connection(pool):
    async with pool.acquire() as connection:
        for number in range(3):
            yield connection, number


async def handed_on(url):
    async for message in subscribe(url):  # error: RIA801
        yield message


async def first(url):
    async for message in subscribe(url):  # error: RIA801
        return message


async def until(pool):
    rows = in_a_connection(pool)
    async for row in rows:  # error: RIA801
        if row:
            break


async def through_another(url):
    async for message in handed_on(url):  # error: RIA801
        if message:
            return message


async def to_the_end(url):
    async for message in subscribe(url):
        print(message)


async def closed(url):
    async with contextlib.aclosing(subscribe(url)) as messages:
        async for message in messages:
            return message


async def closed_by_hand(url):
    messages = subscribe(url)
    try:
        async for message in messages:
            return message
    finally:
        await messages.aclose()


async def nothing_to_clean_up():
    for number in range(3):
        await asyncio.sleep(0)
        yield number


async def leaves_what_needs_no_closing():
    async for number in nothing_to_clean_up():
        return number


async def another_loop_is_left(url):
    async for message in subscribe(url):
        for part in message:
            if part:
                break


async def unknown(stream):
    async for message in stream:
        return message


class Transport(abc.ABC):
    @abc.abstractmethod
    def subscribe(self, url) -> AsyncGenerator[str, None]:
        raise NotImplementedError

    @abc.abstractmethod
    def listen(self, url) -> AsyncIterator[str]:
        raise NotImplementedError


async def of_any_transport(transport: Transport, url):
    messages: AsyncGenerator[str, None] = transport.subscribe(url)
    async for message in messages:  # error: RIA801
        if message == "error":
            await messages.aclose()
        yield message


async def iterates_only(transport: Transport, url):
    async for message in transport.listen(url):
        yield message
