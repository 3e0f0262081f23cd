"""Coroutines where their result is expected."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

logger = logging.getLogger(__name__)


async def fetch(name: str) -> list[int]:
    return [len(name)]


async def text() -> str:
    return ""


def show(value: str) -> None:
    print(value)


def hand_on(value) -> None:
    print(value)


@dataclass
class Answer:
    body: str
    rest: object = None


class Base:
    data: dict[str, int] | None = None

    async def embed(self) -> list[float]:
        return []

    async def may(self, name):
        return True

    async def stream(self) -> AsyncIterator[int]:
        raise NotImplementedError


class Derived(Base):
    async def embed(self):
        return self.inner()  # error: RIA203

    async def inner(self):
        return [1.0]

    async def may(self, name):
        return super().may(name)  # error: RIA203

    async def store(self):
        self.data = fetch("a")  # error: RIA203
        self.task = fetch("a")

    async def read(self):
        async for item in self.stream():
            print(item)


async def used(name):
    print(f"got {text()}")  # error: RIA203
    total = text() + "x"  # error: RIA203
    first = fetch(name)[0]  # error: RIA203
    length = len(fetch(name))  # error: RIA203
    upper = text().upper()  # error: RIA203
    for number in fetch(name):  # error: RIA203
        print(number)
    show(text())  # error: RIA203
    json.dumps(fetch(name))  # error: RIA203
    answer = Answer(body=text())  # error: RIA203
    count: int = fetch(name)  # error: RIA203
    found = fetch(name)
    print(found[0])  # error: RIA203
    logger.info("text %s", text())  # error: RIA203
    body = {"status": 200, "body": text()}  # error: RIA203
    event = {"kind": name, "body": None}
    event["body"] = text()  # error: RIA203
    return total, first, length, upper, answer, count, body, event


async def returned(name) -> str:
    return text()  # error: RIA203


async def sometimes(name):
    if name:
        return text()  # error: RIA203
    return await text()


async def fine(name):
    print(f"got {await text()}")
    hand_on(text())
    rest = Answer(body="", rest=text())
    by_name = {"one": text(), "two": text()}
    by_name["three"] = text()
    await asyncio.gather(*by_name.values())
    coroutine = text()
    print(coroutine.cr_frame, coroutine.__name__)
    coroutine.close()
    return rest


def gives_coroutine():
    return text()


async def twice(name):
    if name:
        return text()
    return fetch(name)


async def gives_nothing():
    pass


HAS_AWAIT = hasattr(gives_nothing(), "__await__")  # error: RIA203
IS_NAMED = hasattr(gives_nothing, "__name__")
