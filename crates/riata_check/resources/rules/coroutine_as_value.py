"""Coroutines where their result is expected."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from openai import AsyncOpenAI

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
    print(f"{text():>10} {text()!r} {text().upper()}")  # error: RIA203
    power = text() ** 2  # error: RIA203
    many = text(  # error: RIA203
        # Of many lines.
    ).lower()
    print(many, power)
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


class Made:
    def __init__(self, name: str):
        self.name = name

    @classmethod
    async def create(cls, name: str):
        return cls(name)


async def make(name) -> Made:
    return Made.create(name)  # error: RIA203


async def make_well(name) -> Made:
    return await Made.create(name)


async def gathered(names):
    rows = []
    for name in names:
        found = fetch(name)
        rows.extend(found)  # error: RIA203
        rows.extend(await fetch(name))
        rows.append(fetch(name))
    ", ".join(fetch(names))  # error: RIA203
    await asyncio.gather(*rows)


async def complete(client: AsyncOpenAI, messages):
    completion = client.chat.completions.create(model="small", messages=messages)
    first = completion.choices[0]  # error: RIA203
    stream = await client.chat.completions.create(model="small", messages=messages)
    return first, stream.choices[0]


async def awaited_when_it_must_be(name):
    made = Made.create(name)
    if asyncio.iscoroutine(made):
        made = await made
    return show_made(made)


def show_made(made: Made): ...


async def one_of(flag):
    either = text() if flag else text()
    named = {"name": text()}
    filled = {"name": text()}
    filled["name"] = await filled["name"]
    print(filled["name"] + 1)
    print(named["name"] + 1)  # error: RIA203
    return either + 1  # error: RIA203
