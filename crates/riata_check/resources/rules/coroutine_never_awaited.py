"""Coroutines that are dropped, and those that are not."""

import asyncio
import functools
import inspect
import unittest.mock
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Union

import pytest
import tenacity
from pymongo import AsyncMongoClient
from openai import AsyncOpenAI


async def close():
    await asyncio.sleep(0)


async def numbers():
    yield 1


def plain():
    return 1


alias = close


def logged(function):
    @functools.wraps(function)
    async def wrapper(*args):
        return await function(*args)

    return wrapper


def background(function):
    def start(*args):
        return asyncio.run(function(*args))

    return start


@logged
async def decorated():
    pass


@background
async def started():
    pass


@tenacity.retry(stop=None)
async def retried():
    pass


@asynccontextmanager
async def opened():
    yield 1


class Base:
    async def stop(self):
        pass

    def flush(self):
        pass

    def end(self):
        self.flush()  # error: RIA201

    def finish(self):
        self.flush()


class Derived(Base):
    halt = Base.stop

    async def run(self, failed):
        try:
            await self.stop()
        except ValueError:
            self.stop()  # error: RIA201
            raise
        super().stop()  # error: RIA201
        self.halt()  # error: RIA201
        self.stop() if failed else None  # error: RIA201
        failed and self.stop()  # error: RIA201
        (self.stop(), self.stop())  # error: RIA201

    async def flush(self):
        pass

    def finish(self):
        pass


async def dropped():
    close()  # error: RIA201
    alias()  # error: RIA201
    asyncio.sleep(1)  # error: RIA201
    decorated()  # error: RIA201
    retried()  # error: RIA201
    kept = close()  # error: RIA201
    lock = asyncio.Lock()
    lock.acquire()  # error: RIA201
    asyncio.wait_for(close(), 1)  # error: RIA201


def also_dropped():
    close()  # error: RIA201


async def fine(callback):
    await close()
    started()
    plain()
    opened()
    callback()
    coroutine = close()
    await coroutine
    other = close()
    other.close()
    task = asyncio.create_task(close())
    await task
    found = []
    found.append(close())
    await asyncio.gather(*found)
    return close


def is_async(function):
    if inspect.iscoroutinefunction(function):
        return True
    function()
    return False


async def chosen(text):
    send = close if text else plain
    if asyncio.iscoroutinefunction(send):
        await send()
    else:
        send()


async def test_expected():
    with pytest.raises(TypeError):
        close(1)
    with pytest.warns(RuntimeWarning):
        close()


def mocked():
    mock = unittest.mock.MagicMock()
    mock.close()


class App:
    def get(self, path) -> Callable[[Callable], Coroutine]: ...


async def index():
    return 1


def routes(app: App):
    app.get("/")(index)
    app.get("/")(1)  # error: RIA201


async def looked_up(name):
    status = asyncio.to_thread(plain, name)  # error: RIA201
    if status is None:
        raise KeyError(name)
    return name


async def awaited_if_there(name):
    running = close(name) if name else None
    if running is not None:
        await running
    kept = close(name)
    if kept is None:
        return None
    return await kept


async def asked(client: AsyncOpenAI | None, messages):
    client = client or AsyncOpenAI()
    client.chat.completions.create(model="small", messages=messages)  # error: RIA201
    client.chat.completions
    return await client.chat.completions.create(model="small", messages=messages)


async def collected(url):
    database = AsyncMongoClient(url).shop
    database["orders"].insert_one({"paid": False})  # error: RIA201
    database.orders.insert_one({"paid": False})  # error: RIA201
    await database.orders.insert_one({"paid": False})
    database.orders.find({"paid": True})


Handler = Union[Callable[[str], None], Callable[[str], Awaitable[None]]]


def parsed(line, on_line: Handler | None = None, on_end: Callable[[], None] | None = None):
    if on_line:
        on_line(line)  # error: RIA201
    if on_end:
        on_end()


async def parsed_and_awaited(line, on_line: Handler):
    answer = on_line(line)
    if inspect.isawaitable(answer):
        await answer


class Job:
    target: Callable[[str], None | Awaitable[None]]


async def told_apart(job: Job, on_line: Handler, runs_at_once):
    if runs_at_once:
        job.target("")
    await on_line("") if asyncio.iscoroutinefunction(on_line) else on_line("")


class Clerk:
    async def greet(self): ...


class Robot:
    def greet(self): ...


def hire():
    clerk = Clerk()
    return clerk


def hire_for(name):
    if not name:
        return None
    return hire()


def hire_either(name):
    if name:
        return Clerk()
    return Robot()


def hire_from(agency):
    if agency:
        return agency.hire()
    return Clerk()


async def shop(name):
    hire().greet()  # error: RIA201
    hire_for(name).greet()  # error: RIA201
    hire_either(name).greet()
    hire_from(name).greet()
    await hire().greet()


async def several(numbers, flag):
    [close() for number in numbers]  # error: RIA201
    {number: close() for number in numbers}  # error: RIA201
    map(numbered, numbers)  # error: RIA201
    list(map(numbered, numbers))  # error: RIA201
    dropped = [close() for number in numbers]  # error: RIA201
    mapped = list(map(numbered, numbers))  # error: RIA201
    named = {"name": close()}  # error: RIA201
    either = close() if flag else None  # error: RIA201
    default = flag or close()  # error: RIA201
    first, second = close(), 1  # error: RIA201
    filled = []
    filled.append(close())  # error: RIA201
    if filled:
        print(len(filled), second)


async def several_right(numbers, flag, default=None):
    await asyncio.gather(*[close() for number in numbers])
    await asyncio.gather(*map(numbered, numbers))
    kept = [close() for number in numbers]
    for one in kept:
        await one
    filled = []
    filled.append(close())
    either = close() if flag else None
    if either:
        await either
    default = default or close()
    first, second = close(), close()
    await first

    async def wait():
        await second

    await default
    return filled, wait


async def numbered(number):
    return number


async def rows():
    yield 1


@asynccontextmanager
async def context():
    yield 1


class Source:
    async def stream(self):
        yield 1


class Other(Source):
    async def stream(self):
        return 1


async def iterates(source: Source):
    rows()  # error: RIA201
    iterator = rows()
    async for row in iterator:
        print(row)
    source.stream()
