import asyncio
from collections.abc import AsyncIterator


async def rows():
    await asyncio.sleep(0)
    yield 1


def plain():
    yield 1


class Stream:
    def __aiter__(self):
        return self

    async def __anext__(self):
        raise StopAsyncIteration


class Both(Stream):
    def __iter__(self):
        return iter(())


async def without_async(stream: Stream):
    for row in rows():  # error: RIA803
        print(row)
    for part in stream:  # error: RIA803
        print(part)
    found = rows()
    for row in found:  # error: RIA803
        print(row)
    return [row for row in rows()]  # error: RIA803


async def in_excess(numbers: list[int]):
    async for row in plain():  # error: RIA803
        print(row)
    async for number in numbers:  # error: RIA803
        print(number)
    async for number in [1, 2]:  # error: RIA803
        print(number)
    return [number async for number in range(3)]  # error: RIA803


async def right(stream: Stream, both: Both, given: AsyncIterator[int], unknown):
    async for row in rows():
        print(row)
    async for part in stream:
        print(part)
    for row in plain():
        print(row)
    for part in both:
        print(part)
    async for part in both:
        print(part)
    async for number in given:
        print(number)
    async for number in unknown:
        print(number)
    for number in unknown:
        print(number)
    return [row async for row in rows()] + [row for row in plain()]
