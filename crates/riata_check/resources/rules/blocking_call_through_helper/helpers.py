import concurrent.futures
import abc
import asyncio
import functools
import io
import queue
import socket
import ssl
import contextlib
import time
import urllib.request
from typing import Protocol

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker


def load(name):
    return urllib.request.urlopen("https://example.org/" + name)


class Client:
    def __init__(self):
        self.token = load("token")

    def fetch(self):
        return load("data")

    @property
    def latest(self):
        return load("latest")


@contextlib.contextmanager
def opened():
    time.sleep(1)
    yield


def items():
    while True:
        time.sleep(1)
        yield 1


def connect(context=None, wait=True, source=None):
    if context is None:
        context = ssl.create_default_context()
    return context


def start(wait: bool = True):
    if wait:
        time.sleep(1)


def read(source):
    if isinstance(source, io.IOBase):
        return source.read()
    else:
        return open(source).read()


def elsewhere(function):
    return function


@elsewhere
def plainly_decorated():
    time.sleep(1)


def in_thread(function):
    return function


@in_thread
def decorated():
    time.sleep(1)


def next_item(items: queue.Queue):
    return items.get()


@functools.cache
def version():
    return open("version").read()


class Image:
    def read(self):
        return open("image").read()


class Message:
    def __init__(self, content: str | Image):
        if isinstance(content, str):
            self.content = content
        elif isinstance(content, Image):
            self.content = content.read()


def try_again(tries=3):
    for _ in range(tries):
        time.sleep(1)


def once():
    try_again(tries=0)


def again():
    try_again()


class Connection:
    def address(self):
        return urllib.request.urlopen("https://example.org/ip").read()


class AsyncConnection:
    def address(self):
        return None

    async def fetch(self):
        return None


class SyncConnection:
    def fetch(self):
        return urllib.request.urlopen("https://example.org").read()


def address(connection: Connection | AsyncConnection):
    return connection.address()


def address_of(connection: Connection):
    return connection.address()


class Template:
    def render(self):
        raise NotImplementedError

    async def arender(self):
        return self.render()  # error: RIA102


class FileTemplate(Template):
    def render(self):
        return open("template").read()


class Prompt:
    def render(self):
        raise NotImplementedError

    async def arender(self):
        return self.render()


class FilePrompt(Prompt):
    def render(self):
        return open("template").read()

    async def arender(self):
        return "read before"


class Cluster:
    asynchronous = False

    def close(self):
        if not self.asynchronous:
            time.sleep(1)

    def stop(self):
        if self.close:
            time.sleep(1)


def undo():
    time.sleep(1)


def careful(action):
    try:
        action()
    except BaseException:
        undo()
        raise


def stubborn(action):
    try:
        action()
    except OSError:
        undo()


def opened_twice():
    time.sleep(1)


def slept():
    time.sleep(2)


class Version:
    ONE = 1
    THREE = 3


def serve(host="", version=Version.ONE):
    if version is Version.THREE:
        time.sleep(1)
    return host


def serve_three(host="", version=Version.THREE):
    if version is Version.THREE:
        time.sleep(2)
    return host


def outcome(future: concurrent.futures.Future):
    return future.result()


def outcome_now(future: concurrent.futures.Future):
    if future.done():
        return outcome(future)
    return None


def outcome_some_day(future: concurrent.futures.Future):
    return outcome(future)


@functools.cache
def own_address(host):
    def ask():
        return socket.gethostbyname(host)

    return ask()


def address_again(host):
    return socket.gethostbyname(host)


def cached(cache, name, make):
    if name not in cache:
        cache[name] = make()
    return cache[name]


def in_thread(pool, work):
    return pool.submit(work)


def later(work):
    def run():
        return work()

    return run


async def retried(work, times=3):
    for _ in range(times - 1):
        try:
            return work()
        except OSError:
            await asyncio.sleep(1)
    return await asyncio.to_thread(work)


async def awaited(work):
    return await work()


class Adapter(Protocol):
    def execute(self, query: str) -> list: ...
    def describe(self, table: str) -> list: ...
    def tables(self) -> list: ...


class Memory(Protocol):
    def get(self, key: str): ...


class Files:
    """Fits `Adapter`, and says so nowhere."""

    def execute(self, query):
        return load(query)

    def describe(self, table):
        return []

    def tables(self):
        return []


class Remote:
    """Has the one method of `Memory`, as much else has."""

    def get(self, key):
        return load(key)

    def put(self, key, value):
        load(key)


class Store:
    def __init__(self, url):
        self.session = sessionmaker(bind=create_engine(url))

    def delete(self, name):
        with self.session() as session:
            session.query(name).delete()
            session.commit()


class Transformation(abc.ABC):
    @abc.abstractmethod
    def transform(self, text): ...

    @abc.abstractmethod
    def enrich(self, text): ...

    async def atransform(self, text):
        return self.transform(text)

    async def aenrich(self, text):
        return self.enrich(text)  # error: RIA102


class RemoteTransformation(Transformation):
    def transform(self, text):
        return load(text)

    def enrich(self, text):
        return load(text)

    async def atransform(self, text):
        return await asyncio.to_thread(self.transform, text)


class PriceClient:
    def latest(self, name):
        return load(name)

    def known(self, name):
        return name


class Session:
    def latest(self, name):
        return load(name)


class Sheet:
    def turn(self):
        raise NotImplementedError


class Leaf(Sheet):
    def turn(self):
        return 1


class Resolver:
    """Not abstract: closing one is nothing to do."""

    def close(self):
        pass

    def resolve(self):
        raise NotImplementedError


class ThreadResolver(Resolver):
    def close(self):
        time.sleep(1)

    def resolve(self):
        time.sleep(1)
