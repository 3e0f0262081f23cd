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
