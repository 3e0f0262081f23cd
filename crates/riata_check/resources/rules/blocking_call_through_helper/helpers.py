import asyncio
import ssl
import contextlib
import time
import urllib.request


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


def make_session(factory):
    return factory(ssl=ssl.create_default_context())


def quick_session(factory):
    return factory()


def in_a_thread(function):
    async def wrapper():
        return await asyncio.to_thread(function)

    return wrapper


@in_a_thread
def made_in_a_thread():
    return ssl.create_default_context()
