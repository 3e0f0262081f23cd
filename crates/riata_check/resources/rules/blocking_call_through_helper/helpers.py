import functools
import importlib.metadata
import io
import queue
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
    return importlib.metadata.version("x")
